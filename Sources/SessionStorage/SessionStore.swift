public import SessionEngine

/// Where one app's sessions are kept.
public protocol SessionStore: Sendable {
    /// How often the store was restored from a copy, 0 to 254 (docs/decisions/0019); it does not change while the storage is
    /// open.
    var restoreNumber: UInt8 { get }

    /// Adds a new session.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - event: the audit event of it; `nil` where none is kept.
    /// - Throws: ``StorageError`` with ``StorageError/Code/alreadyExists`` when the handle is taken.
    func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError)

    /// Adds a new session of a user whose number of sessions is limited, or that takes the place of another, and ends others for
    /// it, all in one step: of many that begin at once no more than allowed live afterwards, and of many that take one session's
    /// place one does.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - admission: how many the user may have, and which session ends with this step.
    ///   - event: the audit event of the new session; `nil` where none is kept, also of those that end.
    /// - Throws: ``StorageError`` as ``insert(_:audit:)``.
    func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome

    /// The session of that handle, expired ones included, or `nil`. Sees every write acknowledged before the call.
    func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord?

    /// Whether a session is there and alive: what each request of an application in this process asks, as cheaply as the
    /// storage can say it.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool

    /// Reads a session, decides and applies the decision, all in one step that no other write can split.
    ///
    /// - Parameters:
    ///   - handle: the session; one that does not exist is decided upon as `nil`.
    ///   - decide: pure and quick; it may be called more than once, and only its last answer counts. It gets the time at
    ///     which the session was read where the storage has a clock of its own, which all processes then share; otherwise
    ///     `nil`, for the clock of this process. A `SessionChange.replace(_:)` of a session that does not exist changes
    ///     nothing, and an event about one is not written.
    /// - Returns: the outcome of the decision that was applied.
    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome

    /// The handles of a user's living sessions, oldest first; empty for an unknown user.
    ///
    /// Of very many a part may be read after another; a session that begins or ends meanwhile may be missing.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only the sessions of that tenant; `nil` for those of all.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle]

    /// A page of a user's living sessions, the newest first, without their data: each has an empty payload and empty session
    /// data.
    ///
    /// - Parameter page: which.
    func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord]

    /// Forgets what is known about the devices of a user's sessions; a rotation that has read them is decided again.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - limit: of how many sessions at most.
    /// - Returns: of how many; fewer than `limit` when nothing is known any more.
    func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int

    /// Ends sessions.
    ///
    /// The sessions of a user who has very many may be ended by a cut-off (docs/decisions/0022): they are absent to
    /// every caller when this returns, one event says so at once (`AuditEvent.Name.revokedAll`), and their rows and the
    /// event of each follow with ``sweepCutOffs(at:limit:)``. Until then their handles are taken, and a session that
    /// the user begins is stored as created after the cut-off, whatever its record says.
    ///
    /// - Parameters:
    ///   - selection: which.
    ///   - revocation: the audit event of each; `nil` where none is kept.
    /// - Returns: the handles that this call ended, each once, in the order asked for. Handles that name nothing are
    ///   simply absent.
    func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle]

    /// Removes rows of sessions that were ended by cut-offs, each with its event, and cut-offs that have no rows left.
    ///
    /// A cut-off is left alone for its first 10 seconds, by the clock of the processes.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - limit: how many rows at most.
    /// - Returns: how many there were; fewer than `limit` when none are left that may be removed now.
    func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int
}

extension SessionStore {
    /// Reads the whole session.
    public func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool {
        try await session(handle).map { !$0.isExpired(at: now, within: terms) } ?? false
    }

    /// Reads a session, decides without the time and applies the decision, all in one step.
    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await update(handle) { record, _ in decide(record) }
    }

    /// Adds a new session without an audit event.
    public func insert(_ record: SessionRecord) async throws(StorageError) {
        try await insert(record, audit: nil)
    }

    /// Ends sessions without an audit event.
    public func remove(_ selection: RevocationTarget) async throws(StorageError) -> [SessionHandle] {
        try await remove(selection, audit: nil)
    }

    /// The handles of a user's sessions in all tenants whose stored end is after a time, oldest first.
    public func handles(of user: UserID, liveAt now: Timestamp) async throws(StorageError) -> [SessionHandle] {
        try await handles(of: user, tenant: nil, liveAt: now, within: .unlimited)
    }
}

/// Which sessions to end.
public enum RevocationTarget: Sendable, Equatable {
    /// These; duplicates count once.
    case handles([SessionHandle])
    /// All of a user's that are alive at a time, in one tenant or, with `nil`, in all.
    case user(UserID, tenant: TenantID? = nil, liveAt: Timestamp, within: SessionTerms = .unlimited)
    /// Up to the given number of sessions that had expired at a time.
    case expired(at: Timestamp, limit: Int, within: SessionTerms = .unlimited)
}

// By the stored end alone, for tests of storages.
extension SessionStore {
    package func isLive(_ handle: SessionHandle, at now: Timestamp) async throws(StorageError) -> Bool {
        try await isLive(handle, at: now, within: .unlimited)
    }

    package func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        try await handles(of: user, tenant: tenant, liveAt: now, within: .unlimited)
    }
}
