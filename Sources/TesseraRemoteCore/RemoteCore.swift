public import Foundations
public import LosslessJSON
public import SessionEngine
public import Tessera

/// Sessions kept by a core that is asked over HTTP, this project's or SuperTokens' own.
///
/// Access tokens are verified here, with the core's published keys; only a token's first use after a refresh, and those
/// who ask for it, go to the core.
public struct RemoteCore: SessionBackend {
    let client: CoreClient
    let keys: KeySetCache
    let clock: ClockAndRandomness

    /// Talks to cores.
    ///
    /// - Parameters:
    ///   - connectionURI: where they are, separated by `;`, each with its base path.
    ///   - apiKey: what lets this application in.
    ///   - app: whom the core is told about.
    ///   - keyLife: for how long the published keys are kept at most.
    ///   - transport: what carries the requests.
    ///   - clock: the clock.
    ///   - wait: how to wait for some milliseconds.
    /// - Throws: `SessionError.misconfigured(_:)`.
    public init(
        connectionURI: String?, apiKey: String? = nil, app: AppInfo, keyLife: Milliseconds = .seconds(14_400),
        transport: any CoreTransport = HTTPClientTransport.shared, clock: ClockAndRandomness = .system,
        wait: @escaping @Sendable (Int64) async throws -> Void = { try await Task.sleep(for: .milliseconds($0)) }
    ) throws(SessionError) {
        var hosts: [String] = []
        for uri in connectionURI?.split(separator: ";") ?? [] {
            hosts.append(try Origin(String(uri)).text + URLPath(String(uri)).text)
        }
        client = CoreClient(
            hosts: hosts, apiKey: apiKey, identity: [("apiDomain", app.apiDomain.text)], transport: transport,
            wait: wait)
        keys = KeySetCache(client: client, clock: clock, longest: keyLife)
        self.clock = clock
    }

    /// See `SessionBackend.create(_:)`.
    public func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens {
        let reply = try await client.ask(
            .init(
                method: "POST", path: "/\(session.tenantID.text)/recipe/session",
                body: [
                    "userId": .string(session.userID.text), "userDataInJWT": .object(session.accessTokenPayload),
                    "userDataInDatabase": .object(session.sessionData), "enableAntiCsrf": .bool(session.usesAntiCSRF),
                    "useDynamicSigningKey": .bool(session.signingKeyKind == .dynamic),
                ]))
        return try CoreReply(reply).issued()
    }

    /// See `SessionBackend.verify(_:)`.
    public func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession {
        if let claims = try await claims(of: token.token) {
            do throws(AccessTokenProblem) {
                try Verify.check(
                    claims, antiCSRFToken: token.antiCSRFToken, checksAntiCSRF: token.checksAntiCSRF, at: clock.time())
            } catch {
                throw .tryRefreshToken(reason: "the access token is not accepted: \(error)")
            }
            if !token.checksDatabase && claims.parentRefreshTokenHash == nil {
                return VerifiedSession(facts: SessionFacts(claims))
            }
        }
        return try await askedAbout(token)
    }

    /// The claims of a token, verified here; `nil` for tokens of the oldest formats that only the core can judge.
    private func claims(
        of presented: Result<UnverifiedAccessToken, AccessTokenProblem>
    ) async throws(SessionError) -> AccessTokenClaims? {
        let token: UnverifiedAccessToken
        var problem: AccessTokenProblem
        do throws(AccessTokenProblem) {
            token = try presented.get()
        } catch {
            throw .tryRefreshToken(reason: "the access token is not accepted: \(error)")
        }
        let current = try await keys.current()
        do throws(AccessTokenProblem) {
            return try token.claims(verifiedBy: current)
        } catch {
            problem = error
        }
        if problem == .unknownKey || problem == .signatureInvalid {
            let refreshed = try await keys.refreshed()
            do throws(AccessTokenProblem) {
                return try token.claims(verifiedBy: refreshed)
            } catch {
                problem = error
            }
        }
        if token.signingKeyKind == nil { return nil }
        throw .tryRefreshToken(reason: "the access token is not accepted: \(problem)")
    }

    private func askedAbout(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession {
        var body: JSONObject = [
            "accessToken": .string(token.text), "doAntiCsrfCheck": .bool(token.checksAntiCSRF),
            "enableAntiCsrf": .bool(token.usesAntiCSRF), "checkDatabase": .bool(token.checksDatabase),
        ]
        if let antiCSRF = token.antiCSRFToken { body["antiCsrfToken"] = .some(.string(antiCSRF.text)) }
        let reply = CoreReply(
            try await client.ask(
                .init(method: "POST", path: "/recipe/session/verify", body: body, isRepeatable: true)))
        switch reply.status {
        case "OK": return VerifiedSession(facts: try reply.facts(), replacement: try reply.accessToken())
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        case "TRY_REFRESH_TOKEN": throw .tryRefreshToken(reason: reply.message)
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.refresh(_:)`.
    public func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens {
        var body: JSONObject = [
            "refreshToken": .string(token.refreshToken.text), "enableAntiCsrf": .bool(token.usesAntiCSRF),
        ]
        if let kind = token.signingKeyKind { body["useDynamicSigningKey"] = .some(.bool(kind == .dynamic)) }
        if let antiCSRF = token.antiCSRFToken { body["antiCsrfToken"] = .some(.string(antiCSRF.text)) }
        let reply = CoreReply(
            try await client.ask(.init(method: "POST", path: "/recipe/session/refresh", body: body)))
        switch reply.status {
        case "OK": return try reply.issued()
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        case "TOKEN_THEFT_DETECTED":
            let facts = try reply.facts()
            throw .tokenTheftDetected(
                handle: facts.handle, userID: facts.userID, recipeUserID: facts.recipeUserID)
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.regenerate(accessToken:payload:)`.
    public func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken? {
        let body: JSONObject = ["accessToken": .string(accessToken), "userDataInJWT": .object(payload)]
        let reply = CoreReply(
            try await client.ask(.init(method: "POST", path: "/recipe/session/regenerate", body: body)))
        switch reply.status {
        case "OK": return try reply.accessToken()
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        default: throw reply.unexpected
        }
    }
}
