import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraFirstGeneration
import TesseraSessions
import TesseraTesting
import Testing

@Suite("The first SDK's functions (docs/specification/cases.md A and B)")
struct FirstGenerationTests {
    private static func sessions(_ configure: (inout FirstGenerationSessions.Settings) -> Void = { _ in }) async throws
        -> FirstGenerationSessions
    {
        var settings = FirstGenerationSessions.Settings()
        configure(&settings)
        return FirstGenerationSessions(backend: try await TestSessions().backend, settings: settings)
    }

    private func get(
        _ sdk: FirstGenerationSessions, _ token: String, _ antiCSRF: String?, check: Bool = true
    ) async throws -> FirstGenerationVerifiedSession {
        try await sdk.getSession(
            accessToken: token, antiCsrfToken: antiCSRF, doAntiCsrfCheck: check, idRefreshToken: "id")
    }

    @Test("A1 to A4: begun, verified, refreshed; a child's first use gives one new token")
    func life() async throws {
        let test = try await TestSessions()
        let sdk = FirstGenerationSessions(backend: test.backend, settings: FirstGenerationSessions.Settings())
        let created = try await sdk.createNewSession(userId: "", jwtPayload: [:], sessionData: [:])
        let antiCSRF = try #require(created.antiCsrfToken)
        #expect(created.session.userId == "" && created.session.userDataInJWT == [:])
        let first = try await get(sdk, created.accessToken.token, antiCSRF)
        #expect(first.accessToken == nil && first.session == created.session)
        let child = try await sdk.refreshSession(refreshToken: created.refreshToken.token, antiCsrfToken: antiCSRF)
        let used = try await get(sdk, child.accessToken.token, child.antiCsrfToken)
        let newest = try #require(used.accessToken)
        let again = try await get(sdk, newest.token, child.antiCsrfToken)
        #expect(again.accessToken == nil)
        test.clock.advance(by: .seconds(121))
        await #expect(
            throws: FirstGenerationError.tokenTheftDetected(sessionHandle: created.session.handle, userId: ""), "A5"
        ) { try await sdk.refreshSession(refreshToken: created.refreshToken.token, antiCsrfToken: antiCSRF) }
    }

    @Test("A6: before a child was used its parent may come again")
    func twice() async throws {
        let sdk = try await Self.sessions { $0.enableAntiCsrf = false }
        let created = try await sdk.createNewSession(userId: "u")
        let first = try await sdk.refreshSession(refreshToken: created.refreshToken.token)
        let second = try await sdk.refreshSession(refreshToken: created.refreshToken.token)
        #expect(first.refreshToken.token == second.refreshToken.token)
        #expect(created.antiCsrfToken == nil, "A10")
        #expect(try await get(sdk, created.accessToken.token, nil).session.userId == "u", "A10")
    }

    @Test("A7 to A9: the anti-CSRF token is asked for when it is to be")
    func antiCSRF() async throws {
        let sdk = try await Self.sessions()
        let created = try await sdk.createNewSession(userId: "u")
        for check in [true, false] {
            #expect(
                try await get(sdk, created.accessToken.token, created.antiCsrfToken, check: check).session.userId
                    == "u")
        }
        #expect(try await get(sdk, created.accessToken.token, nil, check: false).session.userId == "u")
        await #expect {
            try await get(sdk, created.accessToken.token, nil)
        } throws: { ($0 as? FirstGenerationError)?.errType == 3_000 }
    }

    @Test("A11 to A13: ending one session, all of a user, none")
    func revocation() async throws {
        let sdk = try await Self.sessions()
        let first = try await sdk.createNewSession(userId: "u").session.handle
        let second = try await sdk.createNewSession(userId: "u").session.handle
        #expect(try await Set(sdk.getAllSessionHandlesForUser(userId: "u")) == [first, second])
        #expect(try await sdk.revokeSession(sessionHandle: first))
        #expect(try await !sdk.revokeSession(sessionHandle: first))
        #expect(try await sdk.revokeAllSessionsForUser(userId: "u") == [second])
        #expect(try await sdk.revokeAllSessionsForUser(userId: "nobody").isEmpty)
    }

    @Test("A14 to A16: data and payload, of a session and of none")
    func data() async throws {
        let sdk = try await Self.sessions()
        let handle = try await sdk.createNewSession(
            userId: "u", jwtPayload: ["a": 1], sessionData: ["key": "value"]
        ).session.handle
        #expect(try await sdk.getSessionData(sessionHandle: handle) == ["key": "value"])
        try await sdk.updateSessionData(sessionHandle: handle, newSessionData: ["key": "value 2"])
        #expect(try await sdk.getSessionData(sessionHandle: handle) == ["key": "value 2"])
        #expect(try await sdk.getJWTPayload(sessionHandle: handle) == ["a": 1])
        try await sdk.updateJWTPayload(sessionHandle: handle, newJWTPayload: ["b": 2])
        #expect(try await sdk.getJWTPayload(sessionHandle: handle) == ["b": 2])
        let unknown = FirstGenerationError.unauthorised("Session does not exist.")
        await #expect(throws: unknown) { try await sdk.getSessionData(sessionHandle: "x") }
        await #expect(throws: unknown) { try await sdk.updateSessionData(sessionHandle: "x", newSessionData: [:]) }
        await #expect(throws: unknown) { try await sdk.getJWTPayload(sessionHandle: "x") }
        await #expect(throws: unknown) { try await sdk.updateJWTPayload(sessionHandle: "x", newJWTPayload: [:]) }
    }

    @Test("A17: without the cookie that tells of a session there is none, whatever else came")
    func idRefreshToken() async throws {
        await #expect(throws: FirstGenerationError.unauthorised("idRefreshToken missing")) {
            try await Self.sessions().getSession(
                accessToken: "garbage", antiCsrfToken: nil, doAntiCsrfCheck: false, idRefreshToken: nil)
        }
    }

    @Test("B1, B2, B8, B11 and B12: three cookies and the fields, once, however often they are written")
    func cookies() async throws {
        let sdk = try await Self.sessions {
            ($0.cookieDomain, $0.cookieSecure) = ("localhost", false)
        }
        let changes = ResponseChanges()
        try await sdk.createNewSession(userId: "a").write(to: changes)
        let tokens = try await sdk.createNewSession(userId: "u")
        tokens.write(to: changes)
        var fields: HTTPFields = [.exposedHeaders: "customValue"]
        changes.apply(to: &fields)
        let lines = fields[values: .setCookie].map { $0.split(separator: "; ").map(String.init) }
        #expect(lines.map { $0[0].prefix { $0 != "=" } } == ["sAccessToken", "sRefreshToken", "sIdRefreshToken"])
        for line in lines {
            #expect(line[1] == "Domain=localhost" && line[2].hasPrefix("Path=/") && line[3].hasPrefix("Expires="))
            #expect(line[4...] == ["HttpOnly", "SameSite=Lax"])
        }
        #expect(lines[1][2] == "Path=/refresh")
        #expect(!lines[1][0].contains("+") && !lines[1][0].dropFirst("sRefreshToken=".count).contains("="))
        #expect(fields[values: .idRefreshToken] == ["\(tokens.idRefreshToken.token);\(tokens.idRefreshToken.expiry)"])
        #expect(fields[values: .antiCSRF] == [tokens.antiCsrfToken ?? ""])
        #expect(fields[.exposedHeaders] == "customValue, id-refresh-token, anti-csrf")
    }

    @Test("B3 and B10: clearing, and the answer to OPTIONS")
    func clearing() async throws {
        let sdk = try await Self.sessions()
        let changes = ResponseChanges()
        try await sdk.createNewSession(userId: "u").write(to: changes)
        sdk.clear(changes)
        var fields = HTTPFields()
        changes.apply(to: &fields)
        #expect(fields[values: .setCookie].count == 3)
        #expect(
            fields[values: .setCookie].allSatisfy { $0.contains("=; ") && $0.contains("Thu, 01 Jan 1970 00:00:00 GMT") }
        )
        #expect(fields[.idRefreshToken] == "remove" && fields[.antiCSRF] == nil)
        for _ in 0..<2 { sdk.setRelevantHeadersForOptionsAPI(&fields) }
        #expect(fields[values: .accessControlAllowCredentials] == ["true"])
    }
}
