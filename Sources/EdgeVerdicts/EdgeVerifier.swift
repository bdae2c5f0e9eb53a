package import Foundations
import LosslessJSON
package import RevocationFeed
import SessionEngine

/// Something that is here, or that has to be waited for.
package enum Prompt<Value: Sendable>: Sendable {
    case here(Value)
    case later(@Sendable () async -> Value)

    /// The same, made into something else.
    package func map<Other: Sendable>(_ change: @escaping @Sendable (Value) -> Other) -> Prompt<Other> {
        switch self {
        case .here(let value): .here(change(value))
        case .later(let wait): .later { change(await wait()) }
        }
    }

    /// It, however long that takes.
    package var value: Value {
        get async {
            switch self {
            case .here(let value): value
            case .later(let wait): await wait()
            }
        }
    }
}

/// What a core says of an access token, by a look at its storage.
package enum CoreWord: Sendable, Equatable {
    case alive, ended
    /// The session may live, and its client has to refresh.
    case refresh
    /// There was no answer.
    case failed
}

/// Verifies access tokens beside a proxy: by the core's keys and the feed of ended sessions, and by a question to the core where
/// the feed cannot say (docs/verify.md, docs/decisions/0048).
package final class EdgeVerifier: Sendable {
    /// What an operator decides.
    package struct Settings: Sendable, Equatable {
        /// The origins whose pages may act with cookies, in lowercase.
        package var origins: Set<String>
        /// The origin by which clients reach what is behind the proxy; without one a token that is bound to a key is refused.
        package var publicOrigin: String?

        package init(origins: Set<String> = [], publicOrigin: String? = nil) {
            (self.origins, self.publicOrigin) = (origins, publicOrigin)
        }
    }

    private let settings: Settings
    private let keys: KeySetCache
    private let feed: FeedVerifier
    private let clock: ClockAndRandomness
    private let ask: @Sendable (String) async -> CoreWord
    private let nonceKey: [UInt8]
    private let proofs: RecentNames

    /// A verifier.
    ///
    /// - Parameters:
    ///   - settings: what an operator decides.
    ///   - keys: the keys of the core.
    ///   - feed: what is known of the feed of ended sessions.
    ///   - clock: the clock, and what makes nonces differ.
    ///   - ask: asks a core about an access token; ends by itself.
    package init(
        _ settings: Settings, keys: KeySetCache, feed: FeedVerifier, clock: ClockAndRandomness,
        ask: @escaping @Sendable (String) async -> CoreWord
    ) {
        (self.settings, self.keys, self.feed, self.clock, self.ask) = (settings, keys, feed, clock, ask)
        nonceKey = ProofNonce.newKey(clock.randomBits)
        proofs = ProofNonce.names(at: clock.time())
    }

    /// Whether a whole list of what ended was read since the start; before that nothing is said about any token.
    package var isReady: Bool { feed.hasBegun }

    /// Whether the ends of sessions are known up to now.
    package var isFresh: Bool { feed.status.isFresh }

    /// What is to be said about a request.
    package func verdict(on request: EdgeRequest) -> Prompt<EdgeVerdict> {
        switch request.token {
        case .none: .here(.inactive(.missing))
        case .contradictory: .here(.inactive(.contradictory))
        case .token(let token):
            verdict(on: token.text).map { [self] verdict in
                guard case .active(let session) = verdict else { return verdict }
                let found = EdgeVerdict.on(
                    session, isCookie: token.isCookie, of: request, trusting: settings.origins)
                guard case .active = found else { return found }
                return lack(of: request, token.text, session) ?? found
            }
        }
    }

    /// What is to be said about a token by itself.
    package func verdict(on text: String) -> Prompt<EdgeVerdict> {
        guard isReady else { return .here(.unavailable) }
        guard let token = try? UnverifiedAccessToken(text) else { return .here(.inactive(.notAnAccessToken)) }
        guard let known = keys.atHand() else { return .later { [self] in await verdict(on: token, text) } }
        do throws(AccessTokenProblem) {
            return judged(try token.claims(verifiedBy: known.verification), token, text)
        } catch {
            guard error.mayBeForNewerKeys else { return .here(.inactive(.invalid)) }
            return .later { [self] in await verdict(on: token, text) }
        }
    }

    /// The same where the keys at hand do not do.
    private func verdict(on token: UnverifiedAccessToken, _ text: String) async -> EdgeVerdict {
        do throws(KeySetUnavailable) {
            switch try await keys.claims(of: token) {
            case .success(let claims): return await judged(claims, token, text).value
            case .failure: return .inactive(.invalid)
            }
        } catch {
            return .unavailable
        }
    }

    /// A token with a good signature, judged by its time and by the feed.
    private func judged(
        _ claims: AccessTokenClaims, _ token: UnverifiedAccessToken, _ text: String
    ) -> Prompt<EdgeVerdict> {
        if claims.isExpired(at: clock.time()) { return .here(.inactive(.expired)) }
        let session = EdgeSession(claims: claims, payload: token.visiblePayload ?? [:])
        let verdict = feed.verdict(on: FeedSubject(claims, signedBy: token.keyID))
        guard case .ask(let question) = verdict else { return .here(Self.verdict(verdict, on: session)) }
        return .later { [self] in
            switch await ask(text) {
            case .alive: Self.verdict(feed.verdict(after: .alive, of: question), on: session)
            case .ended: Self.verdict(feed.verdict(after: .ended, of: question), on: session)
            case .failed: Self.verdict(feed.verdict(after: .failed, of: question), on: session)
            case .refresh: .inactive(.invalid)
            }
        }
    }

    /// Silence is never a word about the session.
    private static func verdict(_ verdict: FeedVerdict, on session: EdgeSession) -> EdgeVerdict {
        switch verdict {
        case .accepted, .staleAccepted: .active(session)
        case .killedKey: .inactive(.invalid)
        case .ended, .cutOff: .inactive(.ended)
        case .staleRejected, .ask: .unavailable
        }
    }

    /// What a request lacks whose token is bound to a key (RFC 9449 section 7); `nil` for nothing.
    private func lack(of request: EdgeRequest, _ text: String, _ session: EdgeSession) -> EdgeVerdict? {
        guard let bound = ConfirmationClaim.key(in: session.payload) else { return nil }
        let now = clock.time()
        guard let origin = settings.publicOrigin, let proof = request.proof(at: origin),
            let (judgement, name) = proof.judged(beside: text, at: now, nonceKey: nonceKey)
        else { return .proofNeeded(nonce: nil) }
        switch judgement {
        case .good(bound, _): return proofs.isNew(name, at: now) ? nil : .proofNeeded(nonce: nil)
        case .late(bound):
            return .proofNeeded(nonce: ProofNonce.make(at: now, random: clock.randomBits(), key: nonceKey))
        case .good, .late, .absent, .invalid: return .proofNeeded(nonce: nil)
        }
    }
}
