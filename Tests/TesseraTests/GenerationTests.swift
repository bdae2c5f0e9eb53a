import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import TesseraTesting
import Testing

@testable import TesseraInProcess
@testable import TesseraSessions

@Suite("Tokens of all generations, and of nobody (docs/specification/cases.md G and I)")
struct GenerationTests {
    /// Begins a session as an SDK of an earlier generation had it begun.
    private static func begin(
        _ format: AccessTokenFormat, _ payload: JSONObject, in test: TestSessions
    ) async throws -> IssuedTokens {
        let request = NewSession(userID: UserID("u"), accessTokenPayload: payload, format: format)
        guard case .created(let tokens) = try await test.backend.service.createSession(request) else {
            throw SessionError.badInput("the session was refused")
        }
        return tokens
    }

    @Test(
        "I5, I6 and I10: every form is a session, in storage too; null members of the newer ones do no harm",
        arguments: AccessTokenFormat.allCases, [false, true])
    func forms(format: AccessTokenFormat, checksDatabase: Bool) async throws {
        let test = try await TestSessions()
        let issued = try await Self.begin(format, ["a": 1], in: test)
        let session = try await test.sessions.session(
            accessToken: issued.accessToken.exposed, options: VerifyOptions(checksDatabase: checksDatabase))
        #expect(session?.userID == "u" && session?.payload["a"] == 1)
    }

    @Test("who made a token knows what it says, as who receives it reads it", arguments: AccessTokenFormat.allCases)
    func known(format: AccessTokenFormat) async throws {
        let made = try await Self.begin(format, ["a": 1, "n": nil, "t": "ü"], in: try await TestSessions()).accessToken
        let received = try AccessToken(received: made.exposed, issuedAt: made.issuedAt, expiresAt: made.expiresAt)
        #expect(made.visiblePayload?["a"] == 1 && made.visiblePayload?.text == received.visiblePayload?.text)
        #expect(made.statedExpiry == received.statedExpiry)
    }

    @Test("I8: a refreshed session is of the newest form and keeps its payload", arguments: AccessTokenFormat.allCases)
    func refreshed(format: AccessTokenFormat) async throws {
        let test = try await TestSessions()
        let issued = try await Self.begin(format, ["a": 1], in: test)
        let session = try await test.sessions.refresh(refreshToken: issued.refreshToken)
        #expect(session.payload["rsub"] == "u" && session.payload["a"] == 1)
    }

    @Test("I9: a payload that fits no newer form ends with its form")
    func unfit() async throws {
        let test = try await TestSessions()
        let issued = try await Self.begin(.v2, ["sub": "mine"], in: test)
        await #expect {
            try await test.sessions.refresh(refreshToken: issued.refreshToken)
        } throws: { error in
            if case .unauthorised(_, clearTokens: true)? = (error as? SessionError)?.kind { true } else { false }
        }
    }

    @Test("I2: a session with a static key says so")
    func staticKey() async throws {
        var configuration = SessionConfiguration()
        configuration.usesDynamicKeys = false
        let test = try await TestSessions(configuration: configuration)
        let session = try await test.sessions.create(userID: "u")
        let header = try #require(Base64.url.decode(Array(session.accessToken.prefix { $0 != "." }.utf8)))
        #expect(try JSONValue(parsing: header).object?["kid"]?.string?.hasPrefix("s-") == true)
    }

    @Test("I4: a protected claim that reaches the backend makes no session")
    func protected() async throws {
        let test = try await TestSessions()
        let session = NewSession(
            userID: "u", accessTokenPayload: ["sub": "other"], sessionData: [:], tenantID: .public, usesAntiCSRF: false,
            signingKeyKind: .dynamic)
        let expected = SessionError.coreRejected(status: 400, message: "The user payload contains protected field")
        await #expect(throws: expected) { try await test.backend.create(session) }
        #expect(try await test.sessions.handles(of: "u").isEmpty)
    }

    @Test(
        "I18: no algorithm, another one, another key and a cut signature are refused",
        arguments: [#""alg":"none""#, #""alg":"HS256""#, #""alg":"RS256""#, nil])
    func forged(algorithm: String?) async throws {
        let test = try await TestSessions()
        let parts = try await test.sessions.create(userID: "u").accessToken.split(separator: ".").map(String.init)
        var token = "\(parts[0]).\(parts[1]).\(parts[2].dropLast(4))"
        if let algorithm {
            let header = try #require(Base64.url.decode(Array(parts[0].utf8)))
            let text = String(decoding: header, as: UTF8.self)
            let changed = text.replacing(#""alg":"ES256""#, with: algorithm)
            #expect(changed != text)
            token = "\(Base64.url.encodedText(Array(changed.utf8))).\(parts[1]).\(parts[2])"
        }
        let forged = token
        await #expect(throws: SessionError.self) { try await test.sessions.session(accessToken: forged) }
    }

    @Test("I18: the name of another key is refused")
    func otherKey() async throws {
        let (mine, theirs) = (try await TestSessions(), try await TestSessions())
        let token = try await theirs.sessions.create(userID: "u").accessToken
        await #expect(throws: SessionError.self) { try await mine.sessions.session(accessToken: token) }
    }

    @Test("G6: what a session does not fulfil is told, by the name of its validator")
    func claims() async throws {
        let test = try await TestSessions()
        let session = try await test.sessions.create(userID: "u")
        let claim = ValueClaim<String>("c") { _ in nil }
        let options = VerifyOptions { _, _ in [claim.hasValue("x")] }
        await #expect {
            try await test.sessions.session(accessToken: session.accessToken, options: options)
        } throws: { error in
            guard case .invalidClaims(let found)? = (error as? SessionError)?.kind else { return false }
            return found.count == 1 && found[0].id == "c" && found[0].reason != nil
        }
    }

    @Test("D17: SameSite follows the website that a request comes from")
    func website() throws {
        let app = try AppInfo(
            name: "Test", apiDomain: "https://api.example.com",
            website: .perRequest { $0.headerFields[.origin] ?? "https://www.example.com" })
        let settings = try SessionSettings(app, SessionConfiguration())
        func request(_ origin: String) -> HTTPRequest {
            HTTPRequest(
                method: .get, scheme: "https", authority: "api.example.com", path: "/",
                headerFields: [.origin: origin])
        }
        #expect(try settings.sameSite(for: request("https://www.example.com")) == .lax)
        #expect(try settings.sameSite(for: request("https://www.example.org")) == .none)
    }

    @Test("M6 and M8: a cookie's line is always the same, and SameSite=None without Secure ends nothing")
    func line() {
        let cookie = SetCookie(
            name: "n", value: "v", domain: "example.com", path: "/", expiresAt: Timestamp(milliseconds: 0),
            isSecure: false, sameSite: .none)
        for _ in 0..<100 {
            #expect(
                cookie.fieldValue
                    == "n=v; Domain=example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=None"
            )
        }
    }
}
