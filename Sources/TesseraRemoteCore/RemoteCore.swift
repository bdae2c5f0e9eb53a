import CoreDriverInterface
import EdgeVerdicts
public import Foundations
public import LosslessJSON
public import SessionEngine
public import TesseraSessions

/// Sessions kept by a core that is asked over HTTP, this project's or SuperTokens' own.
///
/// Access tokens are verified here, with the core's published keys; only a token's first use after a refresh, and those
/// who ask for it, go to the core.
///
/// It prints as `<redacted>`, because it knows the API key.
public struct RemoteCore: SessionBackend, Redacted {
    let client: CoreClient
    let keys: KeySetCache
    let clock: ClockAndRandomness
    /// What is known of the feed of ended sessions; `nil` where it is not read.
    let feed: RemoteFeed?

    /// Talks to cores.
    ///
    /// - Parameters:
    ///   - connectionURI: where they are, separated by `;`, each with its base path.
    ///   - apiKey: what lets this application in.
    ///   - app: the app that the core is asked for.
    ///   - keyLife: for how long the published keys count as current at most; then they are fetched beside the
    ///     verifications, which use those at hand.
    ///   - keyStaleness: for how long they stay in use after that while no core answers. A key that was taken
    ///     out of use verifies here for as long, if the core is unreachable all that time.
    ///   - feed: whether the core's feed of ended sessions is read, so that a session that ended is refused within a second; then
    ///     the sessions have to run as a service (`Sessions.run()`).
    ///   - transport: what carries the requests.
    ///   - clock: the clock.
    ///   - wait: how to wait for some milliseconds.
    /// - Throws: `SessionError.misconfigured(_:)`.
    public init(
        connectionURI: String?, apiKey: String? = nil, app: AppInfo, keyLife: Milliseconds = .seconds(14_400),
        keyStaleness: Milliseconds = .seconds(86_400), feed: FeedOption = .off,
        transport: any CoreTransport = HTTPClientTransport.shared, clock: ClockAndRandomness = .system,
        wait: @escaping @Sendable (Int64) async throws -> Void = { try await Task.sleep(for: .milliseconds($0)) }
    ) throws(SessionError) {
        try self.init(
            connectionURI: connectionURI, apiKey: apiKey, app: app, keyLife: keyLife, keyStaleness: keyStaleness,
            feed: feed, transport: transport, clock: clock, steady: { .present }, wait: wait)
    }

    init(
        connectionURI: String?, apiKey: String?, app: AppInfo, keyLife: Milliseconds, keyStaleness: Milliseconds,
        feed: FeedOption, transport: any CoreTransport, clock: ClockAndRandomness,
        steady: @escaping @Sendable () -> MonotonicTime, wait: @escaping @Sendable (Int64) async throws -> Void
    ) throws(SessionError) {
        var hosts: [String] = []
        for uri in connectionURI?.split(separator: ";") ?? [] { hosts.append(try CoreAddress(uri).text) }
        if let apiKey, !apiKey.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .misconfigured(
                "the API key of the core has a character that no header field can carry: it is visible ASCII without spaces "
                    + "or line breaks")
        }
        client = CoreClient(
            hosts: hosts, apiKey: apiKey, apiDomain: app.apiDomain.text, transport: transport, clock: clock, wait: wait)
        keys = KeySetCache(client: client, longest: keyLife, staleness: keyStaleness)
        self.clock = clock
        switch feed {
        case .off: self.feed = nil
        case .on(let policy): self.feed = RemoteFeed(client, keys, policy, steady: steady)
        }
    }

    public func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens {
        if let impersonation = session.impersonation { return try await impersonate(session, impersonation) }
        return try await client.ask(
            Catalogue.createSession, tenant: session.tenantID, policy: session.policyField, client: session.client,
            proof: session.proof, device: session.device
        ) {
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
                guard let feed else { return VerifiedSession(facts: SessionFacts(claims)) }
                return try await judged(token, claims, by: feed)
            }
        }
        return try await askedAbout(token)
    }

    /// The claims of a token, verified here; `nil` for tokens of the oldest formats that only the core can judge.
    private func claims(
        of presented: Result<UnverifiedAccessToken, AccessTokenProblem>
    ) async throws(SessionError) -> AccessTokenClaims? {
        let token: UnverifiedAccessToken
        do throws(AccessTokenProblem) {
            token = try presented.get()
        } catch {
            throw .tryRefreshToken(reason: "the access token is not accepted: \(error)")
        }
        let found: Result<AccessTokenClaims, AccessTokenProblem>
        do throws(KeySetUnavailable) {
            // Without an answer of a core an unknown key is no verdict: this throws, and the client keeps its tokens.
            found = try await keys.claims(of: token)
        } catch {
            throw error.sessionError
        }
        switch found {
        case .success(let claims): return claims
        case .failure where token.signingKeyKind == nil: return nil
        case .failure(let error): throw .tryRefreshToken(reason: "the access token is not accepted: \(error)")
        }
    }

    func askedAbout(
        _ token: PresentedAccessToken, timeout: Milliseconds? = nil
    ) async throws(SessionError) -> VerifiedSession {
        let reply = try await client.ask(Catalogue.verifySession, isRepeatable: true, timeout: timeout) {
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
        // The rotation rule gives the same successor again, or none: a lost reply is no theft (docs/decisions/0019).
        let reply = try await client.ask(
            Catalogue.refreshSession, isRepeatable: true, client: token.client, proof: token.proof,
            device: token.device
        ) {
            $0.refreshToken = token.refreshToken.exposed
            $0.antiCSRFToken = token.antiCSRFToken?.exposed
            $0.usesAntiCSRF = token.usesAntiCSRF
            $0.usesDynamicKey = token.signingKeyKind.map { $0 == .dynamic }
        }
        return try issued(reply)
    }

    public func stepUp(
        _ stepUp: StepUp, with token: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        // The same question gets the same answer: a lost reply does no harm.
        let reply = try await client.ask(
            Catalogue.stepUpSession, isRepeatable: true, client: token.client, proof: token.proof,
            device: token.device
        ) {
            $0.refreshToken = token.refreshToken.exposed
            $0.antiCSRFToken = token.antiCSRFToken?.exposed
            $0.level = stepUp.level
            $0.methods = stepUp.methods
            $0.isFull = stepUp.isFull
            $0.usesAntiCSRF = token.usesAntiCSRF
        }
        return try issued(reply)
    }

    public func upgrade(
        _ upgrade: Upgrade, with token: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        let session = upgrade.session
        // The same question gets the same answer: a lost reply does no harm.
        let reply = try await client.ask(
            Catalogue.upgradeSession, isRepeatable: true, policy: session.policyField, client: token.client,
            proof: token.proof, device: token.device
        ) {
            $0.refreshToken = token.refreshToken.exposed
            $0.antiCSRFToken = token.antiCSRFToken?.exposed
            $0.userID = session.userID.rawValue
            $0.payload = session.accessTokenPayload
            $0.data = session.sessionData
            $0.keepsData = upgrade.keepsData
            $0.usesAntiCSRF = token.usesAntiCSRF
        }
        return try issued(reply)
    }

    private func impersonate(
        _ session: NewSession, _ impersonation: Impersonation
    ) async throws(SessionError) -> IssuedTokens {
        try await client.ask(Catalogue.impersonateUser, tenant: session.tenantID, client: session.client) {
            $0.userID = session.userID.rawValue
            $0.actor = impersonation.actor.object
            $0.reason = impersonation.reason
            $0.lifetime = impersonation.lifetime.count / 1_000
            $0.payload = session.accessTokenPayload
            $0.data = session.sessionData
            $0.usesAntiCSRF = session.usesAntiCSRF
        }.issued(Catalogue.refreshed)
    }

    public func endImpersonation(_ handle: SessionHandle) async throws(SessionError) -> Bool {
        let reply = try await client.ask(Catalogue.endImpersonation, isRepeatable: true) { $0.handle = handle.rawValue }
        return Catalogue.removed.decode(reply.object).isSo ?? false
    }

    private func issued(_ reply: CoreReply) throws(SessionError) -> IssuedTokens {
        switch reply.status {
        case "OK": return try reply.issued(Catalogue.refreshed)
        case "UNAUTHORISED": throw .unauthorised(reason: reply.message, clearTokens: true)
        case "TOKEN_THEFT_DETECTED":
            let facts = try reply.facts(reply.session(Catalogue.theftDetected))
            throw .tokenTheftDetected(
                handle: facts.handle, userID: facts.userID, recipeUserID: facts.recipeUserID)
        case "TRY_LATER": throw .deviceNotYet
        default: throw reply.unexpected
        }
    }

    public func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken? {
        let reply = try await client.ask(Catalogue.regenerateSession, isRepeatable: true) {
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

extension NewSession {
    /// Whether an offer to bind the session is wanted.
    fileprivate var device: PresentedDevice {
        var device = PresentedDevice()
        device.wantsOffer = wantsDeviceOffer
        return device
    }

    /// What it asks for beside what SuperTokens' interface has, as a dictionary of RFC 9651; `nil` for nothing.
    fileprivate var policyField: String? {
        var members: [String] = []
        if isAnonymous { members.append("anonymous") }
        if isRemembered { members.append("remember-me") }
        if let idle = limits.idle { members.append("idle=\(idle.count / 1_000)") }
        if let absolute = limits.absolute { members.append("absolute=\(absolute.count / 1_000)") }
        if let authenticatedAt { members.append("auth-time=\(authenticatedAt.wholeSeconds)") }
        if let level { members.append("acr=\(Self.quoted(level))") }
        if !methods.isEmpty { members.append("amr=(\(methods.map(Self.quoted).joined(separator: " ")))") }
        if let replacedSession { members.append("replace=(\(Self.quoted(replacedSession.rawValue)))") }
        return members.isEmpty ? nil : members.joined(separator: ", ")
    }

    /// A string of RFC 9651, which is visible ASCII; the core refuses anything else.
    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
        return "\"\(escaped.filter { $0.isASCII && $0 != "\r" && $0 != "\n" && $0 != "\r\n" })\""
    }
}
