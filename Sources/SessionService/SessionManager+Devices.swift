import Foundations
public import SessionEngine
import SessionStorage

/// A page of a user's sessions.
public struct SessionList: Sendable {
    /// The sessions, the newest first, without payload and session data.
    public let sessions: [SessionRecord]
    /// What asks for the next page; `nil` when this is the last one.
    public let next: String?

    /// The most sessions of one page.
    public static let largest = 500
}

// A user's own sessions, as lists of devices show and end them. Each call takes the user, and refuses the sessions of others.
extension SessionManager {
    /// A page of a user's sessions that have not ended, the newest first.
    ///
    /// - Parameters:
    ///   - user: whose, with those of accounts that are linked to the user's.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - cursor: what the page before said; `nil` for the first.
    ///   - limit: how many, 1 to ``SessionList/largest``; another number becomes the nearest one within.
    /// - Returns: the page, or `nil` for a cursor that this app has not made.
    /// - Throws: ``ServiceError``.
    public func sessions(
        of user: UserID, tenant: TenantID? = nil, after cursor: String? = nil, limit: Int
    ) async throws(ServiceError) -> SessionList? {
        let limit = min(max(1, limit), SessionList.largest)
        var before: SessionPage.Position?
        if let cursor {
            guard let place = refreshTokenKey.place(of: cursor) else { return nil }
            before = SessionPage.Position(createdAt: place.createdAt, handle: place.handle)
        }
        let now = clock.time()
        return try await storing { () async throws(StorageError) -> SessionList in
            var found: [SessionRecord] = []
            for user in try await users(of: user, linked: true) {
                found += try await storage.sessions(
                    SessionPage(
                        of: user, tenant: tenant, liveAt: now, within: policy.terms, before: before, limit: limit + 1))
            }
            found.sort { SessionPage.Position($1).precedes(SessionPage.Position($0)) }
            let page = Array(found.prefix(limit))
            let hasMore = found.count > limit
            let next =
                hasMore ? page.last.map { refreshTokenKey.cursor(createdAt: $0.createdAt, handle: $0.handle) } : nil
            return SessionList(sessions: page, next: next)
        }
    }

    /// Names the device of a session.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - user: whose it is.
    ///   - label: what the device is called from now on; an empty text takes the name back.
    /// - Returns: whether the user has such a session.
    /// - Throws: ``ServiceError``.
    public func nameDevice(
        of handle: SessionHandle, of user: UserID, _ label: String
    ) async throws(ServiceError) -> Bool {
        let users = try await storing { () async throws(StorageError) in
            try await self.users(of: user, linked: true)
        }
        let terms = policy.terms
        return try await update(handle) { record, now in
            DeviceNaming.decide(label, by: users, against: record, at: now, within: terms)
        }
    }

    /// Revokes some of a user's sessions; those of others are passed over.
    ///
    /// - Parameters:
    ///   - handles: the sessions.
    ///   - user: whose.
    ///   - actor: who does it, for the audit log.
    /// - Returns: the handles that were revoked, each once.
    /// - Throws: ``ServiceError``; then some may be revoked and the caller must try again.
    public func revoke(
        _ handles: [SessionHandle], of user: UserID, by actor: AuditActor
    ) async throws(ServiceError) -> [SessionHandle] {
        let owned = try await storing { () async throws(StorageError) -> [SessionHandle] in
            let users = try await self.users(of: user, linked: true)
            var owned: [SessionHandle] = []
            // Whose a session is never changes: what is found here is true in the step that ends it.
            for handle in handles {
                if let record = try await storage.session(handle), users.contains(record.userID) {
                    owned.append(handle)
                }
            }
            return owned
        }
        return owned.isEmpty ? [] : try await revoke(owned, by: actor, .handle)
    }

    /// Revokes all of a user's sessions but one.
    ///
    /// Those that had begun when this was called end, a few hundred in one step.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - kept: the session that stays.
    ///   - actor: who does it, for the audit log.
    ///   - note: what an operator said about it.
    /// - Returns: the handles that were revoked; `nil` where `kept` is no session of the user, and nothing was revoked.
    /// - Throws: ``ServiceError``; then some may be revoked and the caller must try again.
    public func revokeOthers(
        of user: UserID, tenant: TenantID? = nil, except kept: SessionHandle, by actor: AuditActor,
        note: AuditNote? = nil
    ) async throws(ServiceError) -> [SessionHandle]? {
        let users = try await storing { () async throws(StorageError) in
            try await self.users(of: user, linked: true)
        }
        guard let record = try await session(kept), users.contains(record.userID) else { return nil }
        let others = try await handles(of: user, tenant: tenant)
        return try await revoke(others.filter { $0 != kept }, by: actor, .others, note: note)
    }

    /// Forgets what is known about the devices of all of a user's sessions, for good; the sessions stay.
    ///
    /// What is said about a client afterwards is kept as before.
    ///
    /// - Parameter user: whose.
    /// - Returns: of how many sessions something was known.
    /// - Throws: ``ServiceError``; then a part may be forgotten and the caller must try again.
    public func forgetDevices(of user: UserID) async throws(ServiceError) -> Int {
        try await storing { () async throws(StorageError) in
            var count = 0
            for user in try await users(of: user, linked: true) {
                var last = 0
                repeat {
                    last = try await storage.forgetDevices(of: user, limit: CutOff.largestStep)
                    count += last
                } while last == CutOff.largestStep
            }
            return count
        }
    }
}
