public import SessionEngine
public import SessionStorage
import Synchronization

/// Storage in memory, for tests and for trying things out: everything is gone with the process.
public final class InMemoryStorage: SessionStorage {
    private struct State {
        var sessions: [SessionHandle: SessionRecord] = [:]
        var signingKeys: [SigningKeyRecord] = []
        var values: [StoredValueName: String] = [:]
        var lastSeen: [UserID: Timestamp] = [:]
    }

    private let state = Mutex(State())

    /// An empty storage.
    public init() {}

    /// See ``SessionStorage/insert(_:)``.
    public func insert(_ record: SessionRecord) async throws(StorageError) {
        let inserted = state.withLock { state in
            guard state.sessions[record.handle] == nil else { return false }
            state.sessions[record.handle] = record
            return true
        }
        guard inserted else { throw StorageError(.alreadyExists, "session \(record.handle.text)") }
    }

    /// See ``SessionStorage/session(_:)``.
    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        state.withLock { $0.sessions[handle] }
    }

    /// See ``SessionStorage/update(_:_:)``.
    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?) -> Decided<Outcome>
    ) async throws(StorageError) -> Outcome {
        state.withLock { state in
            let current = state.sessions[handle]
            let decided = decide(current)
            if current != nil {
                switch decided.change {
                case .keep: break
                case .replace(let record): state.sessions[handle] = record
                case .remove: state.sessions[handle] = nil
                }
            }
            return decided.outcome
        }
    }

    /// See ``SessionStorage/handles(of:liveAt:)``.
    public func handles(of user: UserID, liveAt now: Timestamp) async throws(StorageError) -> [SessionHandle] {
        state.withLock { Self.handles(of: user, liveAt: now, in: $0) }
    }

    private static func handles(of user: UserID, liveAt now: Timestamp, in state: State) -> [SessionHandle] {
        state.sessions.values.filter { $0.userID == user && !$0.isExpired(at: now) }
            .sorted { ($0.createdAt, $0.handle.text) < ($1.createdAt, $1.handle.text) }
            .map(\.handle)
    }

    /// See ``SessionStorage/remove(_:)``.
    public func remove(_ selection: SessionSelection) async throws(StorageError) -> [SessionHandle] {
        state.withLock { state in
            let candidates =
                switch selection {
                case .handles(let handles): handles
                case .user(let user, let now): Self.handles(of: user, liveAt: now, in: state)
                case .expired(let now, let limit):
                    Array(state.sessions.values.filter { $0.isExpired(at: now) }.map(\.handle).prefix(max(0, limit)))
                }
            return candidates.filter { state.sessions.removeValue(forKey: $0) != nil }
        }
    }

    /// See ``SessionStorage/updateSigningKeys(_:)``.
    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        state.withLock { state in
            let change = decide(state.signingKeys)
            state.signingKeys.removeAll { change.removed.contains($0.id) }
            for key in change.added where !state.signingKeys.contains(where: { $0.id == key.id }) {
                state.signingKeys.append(key)
            }
            return state.signingKeys
        }
    }

    /// See ``SessionStorage/value(named:orStore:)``.
    public func value(
        named name: StoredValueName, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        state.withLock { state in
            let value = state.values[name] ?? candidate()
            state.values[name] = value
            return value
        }
    }

    /// See ``SessionStorage/noteActivity(_:)``.
    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        state.withLock { $0.lastSeen.merge(lastSeen) { max($0, $1) } }
    }

    /// See ``SessionStorage/countActiveUsers(since:)``.
    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        state.withLock { state in state.lastSeen.values.count { time <= $0 } }
    }
}
