import CoreDriverInterface
public import Foundations
public import LosslessJSON
public import SessionEngine
public import TesseraSessions

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
    ///   - app: the app that the core is asked for.
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
            hosts: hosts, apiKey: apiKey, apiDomain: app.apiDomain.text, transport: transport, wait: wait)
        keys = KeySetCache(client: client, clock: clock, longest: keyLife)
        self.clock = clock
    }

    public func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens {
        try await client.ask(Catalogue.createSession, tenant: session.tenantID.rawValue) {
            $0.userID = session.userID.rawValue
            $0.payload = session.accessTokenPayload
            $0.data = session.sessionData
            $0.usesAntiCSRF = session.usesAntiCSRF
            $0.usesDynamicKey = session.signingKeyKind == .dynamic
        }.issued(Catalogue.created)
    }

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
        let reply = try await client.ask(Catalogue.verifySession, isRepeatable: true) {
            $0.accessToken = token.text
            $0.antiCSRFToken = token.antiCSRFToken?.exposed
            $0.checksAntiCSRF = token.checksAntiCSRF
            $0.usesAntiCSRF = token.usesAntiCSRF
            $0.checksDatabase = token.checksDatabase
        }
        switch reply.status {
        case "OK":
            let found = reply.session(Catalogue.verified)
            return VerifiedSession(
                facts: try reply.facts(found), replacement: try reply.accessToken(found.accessToken))
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        case "TRY_REFRESH_TOKEN": throw .tryRefreshToken(reason: reply.message)
        default: throw reply.unexpected
        }
    }

    public func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens {
        let reply = try await client.ask(Catalogue.refreshSession) {
            $0.refreshToken = token.refreshToken.exposed
            $0.antiCSRFToken = token.antiCSRFToken?.exposed
            $0.usesAntiCSRF = token.usesAntiCSRF
            $0.usesDynamicKey = token.signingKeyKind.map { $0 == .dynamic }
        }
        switch reply.status {
        case "OK": return try reply.issued(Catalogue.refreshed)
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        case "TOKEN_THEFT_DETECTED":
            let facts = try reply.facts(reply.session(Catalogue.theftDetected))
            throw .tokenTheftDetected(
                handle: facts.handle, userID: facts.userID, recipeUserID: facts.recipeUserID)
        default: throw reply.unexpected
        }
    }

    public func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken? {
        let reply = try await client.ask(Catalogue.regenerateSession) {
            $0.accessToken = accessToken
            $0.payload = payload
        }
        switch reply.status {
        case "OK": return try reply.accessToken(reply.session(Catalogue.regenerated).accessToken)
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        default: throw reply.unexpected
        }
    }
}
