import LosslessJSON
import SessionEngine
import Testing

@testable import Tessera

@Suite("Session errors")
struct SessionErrorTests {
    @Test("an issued token never prints itself")
    func redaction() {
        let token = IssuedToken(text: "secret", expiresAt: .init(milliseconds: 1), issuedAt: .init(milliseconds: 0))
        var dumped = ""
        dump(token, to: &dumped)
        #expect("\(token)" == "<redacted>")
        #expect(!dumped.contains("secret"))
    }

    @Test("nothing that carries a token, a payload or a cookie's value prints it")
    func redactedRequests() {
        let token = IssuedToken(text: "secret", expiresAt: .init(milliseconds: 1), issuedAt: .init(milliseconds: 0))
        let identity = SessionIdentity(handle: "handle", userID: "user")
        let values: [any CustomStringConvertible & CustomReflectable] = [
            PresentedRefreshToken(text: "secret", antiCSRFToken: "secret"),
            NewSession(userID: "user", payload: ["role": "secret"], data: ["key": "secret"]),
            IssuedSession(
                identity: identity, payload: [:], accessToken: token, refreshToken: token, antiCSRFToken: "secret"),
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
