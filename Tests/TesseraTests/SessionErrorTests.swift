import LosslessJSON
import SessionEngine
import TesseraInProcess
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Session errors")
struct SessionErrorTests {
    @Test("an application tells errors apart by their codes, and finds in them what it may need")
    func codes() {
        let theft = SessionError.tokenTheftDetected(handle: "h", userID: "u", recipeUserID: "r")
        #expect(theft.code == .tokenTheftDetected && theft.stolenSession?.handle == "h" && theft.reason.isEmpty)
        let rejected = SessionError.coreRejected(status: 500, message: "m")
        #expect(rejected.code == .coreRejected && rejected.reason == "m" && rejected.stolenSession == nil)
        #expect("\(SessionError.duplicateCookies)" == "duplicateCookies")
        #expect(SessionError.invalidClaims([.init(id: "c", reason: nil)]).claimErrors.map(\.id) == ["c"])
    }

    @Test("a presented token never prints itself")
    func redaction() {
        let token = PresentedAccessToken(accessToken: "secret")
        var dumped = ""
        dump(token, to: &dumped)
        #expect("\(token)" == "<redacted>")
        #expect(!dumped.contains("secret"))
    }

    @Test("nothing that carries a token, a payload or a cookie's value prints it")
    func redactedRequests() async throws {
        let session = NewSession(
            userID: "user", accessTokenPayload: ["role": "secret"], sessionData: ["key": "secret"])
        let values: [any CustomStringConvertible & CustomReflectable] = [
            session, try await TestSessions().backend.create(session),
            PresentedRefreshToken(refreshToken: RefreshToken("secret"), antiCSRFToken: AntiCSRFToken("secret")),
            SetCookie(
                name: "name", value: "secret", path: "/", expiresAt: .init(milliseconds: 0), isSecure: true,
                sameSite: .lax),
        ]
        for value in values {
            var dumped = ""
            dump(value, to: &dumped)
            #expect(!"\(value) \([value]) \(String(reflecting: value)) \(dumped)".contains("secret"))
        }
    }
}
