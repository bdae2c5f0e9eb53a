import Foundations
import SessionEngine
import Synchronization

/// Makes the successors of one presented token; the last one is kept, because a storage may ask for it twice, and to make one
/// costs more than the rest of the decision.
final class SuccessorMaker: Sendable {
    private let presented: Refresh.Presented
    private let usesAntiCSRF: Bool
    private let key: RefreshTokenKey
    private let clock: ClockAndRandomness
    private let last = Mutex<(successor: Refresh.Successor, part: TokenIssue.RefreshPart)?>(nil)

    init(of presented: Refresh.Presented, _ request: PresentedRefreshToken, _ service: SessionManager) {
        self.presented = presented
        usesAntiCSRF = request.usesAntiCSRF
        key = service.refreshTokenKey
        clock = service.clock
    }

    /// The hash of a successor; `nil` when the cryptographic library refuses.
    func hash(_ successor: Refresh.Successor) -> TokenHash? { try? part(successor).hash }

    /// A successor; of the random ones the one whose hash was asked for last.
    func part(_ successor: Refresh.Successor) throws(SigningError) -> TokenIssue.RefreshPart {
        if let (known, part) = last.withLock({ $0 }), known == successor { return part }
        let part = try make(successor)
        last.withLock { $0 = (successor, part) }
        return part
    }

    private func make(_ successor: Refresh.Successor) throws(SigningError) -> TokenIssue.RefreshPart {
        let content = presented.content
        switch successor {
        case .derived(let window, let count):
            return try TokenIssue.successor(
                of: content, hash: presented.hash, window: window, count: count, usesAntiCSRF: usesAntiCSRF, key: key)
        case .fresh:
            var random = clock.random
            return try TokenIssue.refreshPart(
                handle: content.handle, userID: content.userID, tenantID: content.tenantID, parent: presented.hash,
                usesAntiCSRF: usesAntiCSRF, key: key, using: &random)
        }
    }
}
