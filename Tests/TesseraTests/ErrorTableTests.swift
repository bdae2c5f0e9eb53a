import Foundation
import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("The table of errors in the documentation")
struct ErrorTableTests {
    private static func sample(_ code: SessionError.Code) -> SessionError? {
        switch code {
        case .unauthorised: .unauthorised(reason: "secret", clearTokens: true)
        case .tryRefreshToken: .tryRefreshToken(reason: "secret")
        case .tokenTheftDetected: .tokenTheftDetected(handle: "h", userID: "u", recipeUserID: "u")
        case .invalidClaims: .invalidClaims([.init(id: "c", reason: nil)])
        case .duplicateCookies: .duplicateCookies
        case .retryLater: .retryLater(reason: "secret")
        case .badInput: .badInput("the error's text")
        case .untrustedOrigin: .untrustedOrigin("https://secret.example")
        case .badFormToken: .badFormToken("secret")
        case .proofNeeded: .proofNeeded(nonce: "n")
        case .claimUnavailable: .claimUnavailable(key: "c", reason: "secret")
        case .unreadable: .unreadable("secret")
        case .coreUnavailable: .coreUnavailable("secret")
        case .coreRejected: .coreRejected(status: 400, message: "secret")
        case .misconfigured: .misconfigured("secret")
        default: nil
        }
    }

    /// The rows of the page: code, status, message.
    private static func rows() throws -> [[String]] {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/TesseraSessions/Documentation.docc/Errors.md")
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `…")) } }
            .filter { $0.first != "code" }
    }

    @Test("each code has a row, and the row has the status and the message that a client gets")
    func rows() async throws {
        let rows = try Self.rows()
        #expect(rows.map(\.[0]) == SessionError.Code.all.map(\.description))
        for row in rows {
            let code = try #require(SessionError.Code.all.first { $0.description == row[0] })
            let error = try #require(Self.sample(code), "\(code)")
            let test = try await TestSessions()
            let request = HTTPRequest(method: .get, scheme: "https", authority: "api.example.com", path: "/")
            let reply = await test.sessions.reply(to: error, in: SessionExchange(request: request))
            #expect("\(reply.status.code)" == row[1], "\(code)")
            if code == .proofNeeded {
                #expect(reply.body == #"{"error":"use_dpop_nonce"}"# && reply.headerFields[.dpopNonce] == "n")
                continue
            }
            #expect(reply.body.hasPrefix(#"{"message":"\#(row[2])"#) && !reply.body.contains("secret"), "\(code)")
            #expect((reply.headerFields[.retryAfter] != nil) == (row[1] == "503"), "\(code)")
        }
    }
}
