import Crypto
import Foundations
import Synchronization

/// The sessions of the admin page: in the memory of this process, and only as hashes (docs/decisions/0042).
///
/// They have nothing to do with the sessions of users. A restart ends them all.
final class AdminSessions: Sendable {
    /// How long things live, and how many there are.
    enum Limits {
        static let idle = Milliseconds.seconds(15 * 60)
        static let absolute = Milliseconds.seconds(8 * 3_600)
        static let code = Milliseconds.seconds(60)
        static let failureSpan = Milliseconds.seconds(60)
        static let failures = 5
        static let sessions = 32
        static let codes = 8
    }

    /// A log-in of an operator.
    struct Session: Sendable, Equatable {
        /// Whose key it was.
        let operatorName: String
        /// The hash of that key: a session ends when its key does.
        let keyHash: String
        let createdAt: Timestamp
        var usedAt: Timestamp

        /// When it ends unless it is used.
        var endsAt: Timestamp { min(usedAt + Limits.idle, createdAt + Limits.absolute) }
        /// Whether no use makes it longer.
        var isLast: Bool { createdAt + Limits.absolute <= usedAt + Limits.idle }

        /// Before its last use the clock was set back: how much time has passed is not known.
        func isLive(at now: Timestamp) -> Bool { usedAt <= now && now < endsAt }
    }

    private struct Code {
        let key: AdminSettings.Key
        let madeAt: Timestamp

        func isLive(at now: Timestamp) -> Bool { madeAt <= now && now < madeAt + Limits.code }
    }

    private struct State {
        var sessions: [String: Session] = [:]
        var codes: [String: Code] = [:]
        var failures: [Timestamp] = []
    }

    private let state = Mutex(State())
    private let clock: ClockAndRandomness

    init(clock: ClockAndRandomness) { self.clock = clock }

    /// Begins a session; the one that was unused for longest makes room.
    ///
    /// - Returns: the token, which is kept nowhere here.
    func begin(with key: AdminSettings.Key) -> (token: String, session: Session) {
        let (now, token) = (clock.time(), secret())
        let session = Session(
            operatorName: key.name, keyHash: Self.hash(key.secret), createdAt: now, usedAt: now)
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.isLive(at: now) }
            if state.sessions.count >= Limits.sessions,
                let oldest = state.sessions.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                state.sessions[oldest.key] = nil
            }
            state.sessions[Self.hash(token)] = session
        }
        return (token, session)
    }

    /// The session of a token, which is used by this.
    ///
    /// - Returns: `nil` for a token of no session, and of one that has ended.
    func use(_ token: String) -> Session? {
        let (now, hash) = (clock.time(), Self.hash(token))
        return state.withLock { state in
            guard var session = state.sessions[hash] else { return nil }
            guard session.isLive(at: now) else {
                state.sessions[hash] = nil
                return nil
            }
            session.usedAt = now
            state.sessions[hash] = session
            return session
        }
    }

    /// Whether a session lives; this is no use of it.
    func isLive(_ token: String) -> Bool {
        let (now, hash) = (clock.time(), Self.hash(token))
        return state.withLock { $0.sessions[hash]?.isLive(at: now) ?? false }
    }

    /// Ends a session.
    func end(_ token: String) {
        let hash = Self.hash(token)
        state.withLock { $0.sessions[hash] = nil }
    }

    /// Ends the sessions and codes of all keys but these.
    func keep(_ keys: [AdminSettings.Key]) {
        let hashes = Set(keys.map { Self.hash($0.secret) })
        state.withLock { state in
            state.sessions = state.sessions.filter { hashes.contains($0.value.keyHash) }
            state.codes = state.codes.filter { keys.contains($0.value.key) }
        }
    }

    /// Makes a code that begins one session within a minute.
    func makeCode(for key: AdminSettings.Key) -> String {
        let (now, code) = (clock.time(), secret())
        state.withLock { state in
            state.codes = state.codes.filter { $0.value.isLive(at: now) }
            if state.codes.count >= Limits.codes,
                let oldest = state.codes.min(by: { $0.value.madeAt < $1.value.madeAt })
            {
                state.codes[oldest.key] = nil
            }
            state.codes[Self.hash(code)] = Code(key: key, madeAt: now)
        }
        return code
    }

    /// Uses a code up.
    ///
    /// - Returns: the key for which it was made; `nil` where it is unknown, used or too old.
    func redeem(_ code: String) -> AdminSettings.Key? {
        let (now, hash) = (clock.time(), Self.hash(code))
        return state.withLock { state in
            guard let found = state.codes.removeValue(forKey: hash), found.isLive(at: now) else { return nil }
            return found.key
        }
    }

    /// Counts a log-in that failed.
    ///
    /// - Returns: whether there were too many within a minute. A right key is never refused for it: on loopback all callers
    ///   have one address, and a stranger must not lock the operator out.
    func noteFailure() -> Bool {
        let now = clock.time()
        return state.withLock { state in
            state.failures = state.failures.filter { $0 <= now && now < $0 + Limits.failureSpan }
            guard state.failures.count < Limits.failures else { return true }
            state.failures.append(now)
            return false
        }
    }

    /// 256 bits that cannot be predicted.
    private func secret() -> String {
        var random = clock.random
        return Base64.url.encodedText(RandomText.bytes(32, using: &random))
    }

    private static func hash(_ secret: String) -> String { Hex.encode(Array(SHA256.hash(data: Array(secret.utf8)))) }
}
