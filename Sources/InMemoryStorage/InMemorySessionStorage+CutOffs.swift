public import SessionEngine
public import SessionStorage
import Synchronization

extension InMemorySessionStorage {
    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        state.withLock { state in
            var removed = 0
            for cutOff in state.cutOffs.due(at: now) {
                let rows = state.sessions.values.filter(cutOff.ends).sorted {
                    ($0.createdAt, $0.handle.rawValue) < ($1.createdAt, $1.handle.rawValue)
                }
                for record in rows.prefix(max(0, limit - removed)) {
                    state.drop(record)
                    let revocation = cutOff.revocation(ofExpiry: record.expiresAt)
                    state.note(revocation.map { .revoked(record, because: $0) }, follows: true)
                    removed += 1
                }
                if state.sessions.values.contains(where: cutOff.ends) { break }
                state.cutOffs.forget(cutOff)
            }
            return removed
        }
    }
}

extension InMemorySessionStorage.State {
    /// Whether a user has too many sessions to end them in one step.
    func hasMany(of user: UserID) -> Bool {
        sessions.values.count { $0.userID == user } > CutOff.largestStep
    }

    /// Ends all of a user's sessions, unless they have ended; returns whether they had not.
    mutating func makeCutOff(_ scope: CutOff.Scope, at now: Timestamp, _ revocation: Revocation?) -> Bool {
        let newest = sessions.values.filter { $0.userID == scope.user }.map(\.createdAt).max()
        guard let newest, let cutOff = cutOffs.make(scope, at: now, newest: newest, revocation) else { return false }
        revocations.note(.user(scope.user, tenant: scope.tenant), at: cutOff.time, notedAt: clock())
        note(
            revocation.map {
                .revokedAll(of: scope.user, tenant: scope.tenant, createdUpTo: cutOff.time, $0)
            })
        return true
    }
}
