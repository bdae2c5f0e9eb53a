import EdgeVerdicts
import Foundations
public import Logging
import RevocationFeed
import SessionEngine
public import TesseraSessions

extension RemoteCore {
    /// For how long a core is waited for that is asked because the feed cannot say.
    static let questionTimeout = Milliseconds.seconds(1)

    /// Reads the feed of ended sessions, where it is to be read.
    ///
    /// - Parameter logger: where it is written when the feed falls silent and when it is fresh again.
    public func upkeep(logger: Logger) -> SessionUpkeep? {
        guard let feed else { return nil }
        return SessionUpkeep(omission: "the feed of ended sessions is not read") { await feed.run(logger) }
    }

    /// A token with a good signature, judged by the feed: silence is never a word about the session.
    func judged(
        _ token: PresentedAccessToken, _ claims: AccessTokenClaims, by feed: RemoteFeed
    ) async throws(SessionError) -> VerifiedSession {
        let verified = VerifiedSession(facts: SessionFacts(claims))
        switch feed.verifier.verdict(on: FeedSubject(claims, signedBy: try? token.token.get().keyID)) {
        case .accepted, .staleAccepted: return verified
        case .killedKey:
            throw .tryRefreshToken(reason: "the access token is signed with a key that is trusted no more")
        case .ended, .cutOff: throw .unauthorised(reason: "the session has ended", clearTokens: true)
        case .staleRejected: throw Self.silent
        case .ask(let question): return try await answer(to: question, token, verified, by: feed)
        }
    }

    private func answer(
        to question: FeedQuestion, _ token: PresentedAccessToken, _ verified: VerifiedSession, by feed: RemoteFeed
    ) async throws(SessionError) -> VerifiedSession {
        var token = token
        token.checksDatabase = true
        do throws(SessionError) {
            let found = try await askedAbout(token, timeout: Self.questionTimeout)
            _ = feed.verifier.verdict(after: .alive, of: question)
            return found
        } catch {
            switch error.code {
            case .unauthorised: _ = feed.verifier.verdict(after: .ended, of: question)
            case .coreUnavailable, .coreRejected:
                // A client that went away says nothing about the core.
                guard !Task.isCancelled else { break }
                if feed.verifier.verdict(after: .failed, of: question) == .staleAccepted { return verified }
                throw Self.silent
            default: break
            }
            throw error
        }
    }

    private static let silent = SessionError.coreUnavailable(
        "the feed of ended sessions is silent, and the core does not say whether the session has ended",
        retryAfterSeconds: 1)
}
