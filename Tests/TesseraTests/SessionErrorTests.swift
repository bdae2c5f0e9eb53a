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
}
