import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Without request and response (docs/specification/cases.md G)")
struct WithoutRequestTests {
    private static func test(_ antiCSRF: SessionConfiguration.AntiCSRF = .none) async throws -> TestSessions {
        var configuration = SessionConfiguration()
        configuration.antiCSRF = antiCSRF
        return try await TestSessions(configuration: configuration)
    }

    @Test("G1 and G2: the tokens are in the session, with an anti-CSRF token where sessions use one")
    func create() async throws {
        let plain = try await Self.test().sessions.create(userID: "u")
        #expect(plain.payload["iss"] == "https://api.example.com/auth")
        #expect(plain.refreshToken != nil && plain.antiCSRFToken == nil && plain.frontToken.userID == "u")
        let guarded = try await Self.test(.viaToken).sessions.create(userID: "u")
        #expect(guarded.antiCSRFToken != nil)
    }

    @Test("G3: the anti-CSRF token is asked for")
    func antiCSRF() async throws {
        let test = try await Self.test(.viaToken)
        let session = try await test.sessions.create(userID: "u")
        let good = try await test.sessions.session(
            accessToken: session.accessToken, antiCSRFToken: session.antiCSRFToken)
        #expect(good?.handle == session.handle)
        await #expect {
            try await test.sessions.session(accessToken: session.accessToken, antiCSRFToken: AntiCSRFToken("wrong"))
        } throws: { error in
            if case .tryRefreshToken? = (error as? SessionError)?.kind { true } else { false }
        }
    }

    @Test("G5: garbage is no session, and clears nothing")
    func garbage() async throws {
        let test = try await Self.test()
        await #expect(throws: SessionError.unauthorised(reason: "Token parsing failed", clearTokens: false)) {
            try await test.sessions.session(accessToken: "garbage")
        }
        let none = try await test.sessions.session(
            accessToken: "garbage", options: VerifyOptions(isRequired: false))
        #expect(none == nil)
    }

    @Test("G7: a refresh token is exchanged; garbage is not", arguments: [false, true])
    func refresh(isGuarded: Bool) async throws {
        let test = try await Self.test(isGuarded ? .viaToken : .none)
        let session = try await test.sessions.create(userID: "u")
        let refreshed = try await test.sessions.refresh(
            refreshToken: try #require(session.refreshToken), antiCSRFToken: session.antiCSRFToken)
        #expect(refreshed.handle == session.handle && refreshed.accessToken != session.accessToken)
        #expect((refreshed.antiCSRFToken != nil) == isGuarded)
        await #expect {
            try await test.sessions.refresh(refreshToken: RefreshToken("garbage"))
        } throws: { error in
            if case .unauthorised? = (error as? SessionError)?.kind { true } else { false }
        }
    }

    @Test("F25 and F26: what is not given is empty, and a revoked session has no information")
    func information() async throws {
        let test = try await Self.test()
        let session = try await test.sessions.create(userID: "u")
        let found = try #require(try await test.sessions.information(on: session.handle))
        #expect(found.data.isEmpty && found.payload.names == ["iss"] && found.userID == "u")
        try await session.revoke()
        let gone = try await test.sessions.information(on: session.handle)
        #expect(gone == nil)
    }

    @Test("I17: a token of another kind is no session's")
    func otherKind() async throws {
        let test = try await Self.test()
        var payload = try await test.sessions.create(userID: "u").payload
        payload["stt"] = .some(1)
        let text = try await test.sessions.sign(payload, usesStaticKey: false)
        let none = try await test.sessions.session(accessToken: text, options: VerifyOptions(isRequired: false))
        #expect(none == nil)
    }
}
