import CoreServer
import LosslessJSON
import SessionEngine
import TestSupport
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a driver finds that revokes a session after the verdict, with a live access token in hand (docs/decisions/0013).
@Suite("finding D8: a revocation by the driver after a theft")
struct TheftAnswerTests {
    @Test(
        "finding D8: it finds nothing left to end, unless the setting leaves the end to the driver",
        arguments: [true, false])
    func revocation(byCore: Bool) async throws {
        let settings = "refresh_token_sharing_window: 0\nrefresh_token_silence: 0\n"
        let core = try await ManyApps(configuration: settings + "revoke_session_on_token_theft: \(byCore)\n")
        let session = try await core.create("")
        let first = try SeenSession(try await core.refresh("", session.refreshToken))
        let second = try SeenSession(try await core.refresh("", first.refreshToken))
        #expect(try await core.refresh("", session.refreshToken)["status"] == "TOKEN_THEFT_DETECTED")
        // The driver's own verification, without the database, takes the access token until it ends.
        #expect(try await core.verify("", session.accessToken, database: false)["status"] == "OK")
        let handle = JSONValue.string(second.handle)
        let removed = try await core.document("POST", "/recipe/session/remove", ["sessionHandles": [handle]])
        #expect(removed["sessionHandlesRevoked"] == (byCore ? [] : [handle]))
        #expect(try await core.refresh("", second.refreshToken)["status"] == "UNAUTHORISED")
    }

    @Test("finding D8: the pages name the drivers that then clear nothing, and the setting")
    func pages() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        for page in ["decisions/0013-verdict-revocation-and-record-in-one-step.md", "specification/sdk.md"] {
            let text = try String(contentsOf: root.appending(path: "docs/\(page)"), encoding: .utf8)
            for words in ["node up to 9", "go 1.4", "revoke_session_on_token_theft: false"] {
                #expect(text.contains(words), "\(page): \(words)")
            }
        }
    }
}
