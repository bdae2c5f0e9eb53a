import Foundations
public import LosslessJSON
public import SessionEngine
import SessionStorage

extension SessionManager {
    /// A session that has not ended, or `nil`.
    ///
    /// - Throws: ``ServiceError``.
    public func session(_ handle: SessionHandle) async throws(ServiceError) -> SessionRecord? {
        let now = clock.time()
        return try await storing { () async throws(StorageError) in try await storage.session(handle) }
            .flatMap { $0.isExpired(at: now, within: policy.terms) ? nil : $0 }
    }

    /// Replaces the payload, the session data, or both; `nil` keeps what is there.
    ///
    /// Existing access tokens keep the old payload until the next refresh or verification with a database check.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: ``ServiceError``.
    public func replaceData(
        of handle: SessionHandle, accessTokenPayload: JSONObject? = nil, sessionData: JSONObject? = nil
    ) async throws(ServiceError) -> Bool {
        let payload = accessTokenPayload.map(JSONObjectText.init)
        let data = sessionData.map(JSONObjectText.init)
        let terms = policy.terms
        let outcome = try await update(handle) { record, now in
            DataUpdate.decide(payload: payload, sessionData: data, against: record, at: now, within: terms)
        }
        return outcome != .sessionNotActive
    }

    /// The handles of a user's sessions that have not ended, oldest first, in one tenant or, with `nil`, in all.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: the tenant.
    ///   - linked: whether those of accounts that are linked to the user's belong to them.
    /// - Throws: ``ServiceError``.
    public func handles(
        of user: UserID, tenant: TenantID? = nil, linked: Bool = true
    ) async throws(ServiceError) -> [SessionHandle] {
        let now = clock.time()
        return try await storing { () async throws(StorageError) in
            var handles: [SessionHandle] = []
            for user in try await users(of: user, linked: linked) {
                handles += try await storage.handles(
                    of: user, tenant: tenant, liveAt: now, within: policy.terms)
            }
            return handles
        }
    }

    /// The names under which a person has sessions.
    func users(of user: UserID, linked: Bool) async throws(StorageError) -> [UserID] {
        guard linked, let accounts = storage as? any LinkedAccountStorage else { return [user] }
        return try await accounts.linkedUsers(of: user)
    }

    /// Revokes sessions that were named.
    ///
    /// Of very many a few hundred end in one step, and the writes of others come between.
    ///
    /// - Parameters:
    ///   - handles: the sessions.
    ///   - actor: who does it, for the audit log; the application unless it says for whom.
    ///   - note: what an operator said about it.
    /// - Returns: the handles that were revoked, each once.
    /// - Throws: ``ServiceError``; then nothing is known to be revoked and the caller must try again.
    public func revoke(
        _ handles: [SessionHandle], by actor: AuditActor = .driver, note: AuditNote? = nil
    ) async throws(ServiceError) -> [SessionHandle] {
        try await revoke(handles, by: actor, .handle, note: note)
    }

    /// The same, with how they end for the audit log.
    func revoke(
        _ handles: [SessionHandle], by actor: AuditActor, _ means: Revocation.Means, note: AuditNote? = nil
    ) async throws(ServiceError) -> [SessionHandle] {
        let revocation = revocation(by: actor, means, at: clock.time(), note: note)
        var (ended, rest) = ([SessionHandle](), handles[...])
        Failpoint.reach("revoke.before-storage")
        repeat {
            let batch = Array(rest.prefix(CutOff.largestStep))
            rest = rest.dropFirst(batch.count)
            ended += try await storing { () async throws(StorageError) in
                try await storage.remove(.handles(batch), audit: revocation)
            }
        } while !rest.isEmpty
        Failpoint.reach("revoke.stored")
        return ended
    }

    /// Revokes all of a user's sessions.
    ///
    /// They are revoked when this returns, however many there are; of very many the rows and the audit events follow
    /// in the background (docs/decisions/0022).
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - linked: whether the sessions of accounts that are linked to the user's end too; those of one after the other.
    ///   - actor: who does it, for the audit log; the application unless it says for whom.
    ///   - note: what an operator said about it.
    /// - Returns: the handles that were revoked.
    /// - Throws: ``ServiceError``; then nothing is known to be revoked and the caller must try again.
    public func revokeAll(
        of user: UserID, tenant: TenantID? = nil, linked: Bool = true, by actor: AuditActor = .driver,
        note: AuditNote? = nil
    ) async throws(ServiceError) -> [SessionHandle] {
        let now = clock.time()
        Failpoint.reach("revoke.before-storage")
        let ended = try await storing { () async throws(StorageError) in
            var ended: [SessionHandle] = []
            for user in try await users(of: user, linked: linked) {
                ended += try await storage.remove(
                    .user(user, tenant: tenant, liveAt: now, within: policy.terms),
                    audit: revocation(by: actor, .all, at: now, note: note))
            }
            return ended
        }
        Failpoint.reach("revoke.stored")
        if ended.count > CutOff.largestStep { sweeper.start() }
        return ended
    }

    /// How many users signed in or refreshed a session at a time or after it.
    ///
    /// - Throws: ``ServiceError``.
    public func countActiveUsers(since time: Timestamp) async throws(ServiceError) -> Int {
        try await storing { () async throws(StorageError) in
            try await activity.flush()
            return try await storage.countActiveUsers(since: time)
        }
    }

    /// Writes what is kept in memory for a while: when users were last seen.
    ///
    /// - Throws: ``ServiceError``.
    public func flush() async throws(ServiceError) {
        try await storing { () async throws(StorageError) in try await activity.flush() }
    }
}
