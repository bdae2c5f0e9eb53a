import Foundations
import SessionEngine
import SessionStorage
import Synchronization

extension SessionManager {
    /// What a request shows about the key of its client.
    func judged(_ proof: PresentedProof?, at now: Timestamp) -> ProofJudgement {
        proof?.judged(at: now, nonceKey: refreshTokenKey.nonceKey) ?? .absent
    }

    /// What is answered where a bound session gives nothing.
    func result(of refusal: ProofRefusal, at now: Timestamp) -> RefreshResult {
        switch refusal {
        case .otherKey: .unauthorised(.boundToOtherKey)
        case .noProof: .proofNeeded(nonce: nil)
        case .noCookie: .unauthorised(.boundToDevice)
        case .skipped, .notYet, .old: .deviceNotYet
        case .needsNonce:
            .proofNeeded(nonce: ProofNonce.make(at: now, random: clock.randomBits(), key: refreshTokenKey.nonceKey))
        }
    }
}

/// When the refusals of bound sessions were last written into the audit log: once a minute for each is enough.
final class RefusalLog: Sendable {
    private typealias Written = [SessionHandle: (time: Timestamp, request: UInt64)]

    private struct State {
        /// Those of this minute and of the one before.
        var (recent, older) = (Written(), Written())
        var begun = Timestamp(milliseconds: 0)
    }

    /// How many sessions are written about in a minute at most; the figures of refreshes count the others.
    static let capacity = 4_096
    private static let pause = Milliseconds.minutes(1)

    private let state = Mutex(State())
    private let requests = Atomic<UInt64>(0)

    /// A number that no other request has.
    func nextRequest() -> UInt64 { requests.wrappingAdd(1, ordering: .relaxed).newValue }

    /// A decision with its audit event, or without one that came a moment ago.
    ///
    /// - Parameters:
    ///   - decided: what was decided.
    ///   - handle: the session.
    ///   - request: its number: storage may ask twice for one request.
    ///   - now: the time.
    func limited<Outcome>(
        _ decided: Decision<Outcome>, of handle: SessionHandle, by request: UInt64, at now: Timestamp
    ) -> Decision<Outcome> {
        guard decided.audit?.name == .bindingRefused, !claims(handle, request, at: now) else { return decided }
        var silent = decided
        silent.audit = nil
        return silent
    }

    private func claims(_ handle: SessionHandle, _ request: UInt64, at now: Timestamp) -> Bool {
        state.withLock { state in
            if now < state.begun || now - state.begun >= Self.pause {
                (state.recent, state.older, state.begun) = ([:], state.recent, now)
            }
            if let last = state.recent[handle] ?? state.older[handle], last.request != request, now >= last.time,
                now - last.time < Self.pause
            {
                return false
            }
            guard state.recent[handle] != nil || state.recent.count < Self.capacity else { return false }
            state.recent[handle] = (now, request)
            return true
        }
    }
}
