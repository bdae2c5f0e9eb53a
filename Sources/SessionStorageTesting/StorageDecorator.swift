public import SessionEngine
public import SessionStorage

/// Storage around another one: what a decorator does not implement is passed on.
public protocol StorageDecorator: SessionStorage {
    /// The storage that does the work.
    var base: any SessionStorage { get }
}

extension StorageDecorator {
    public var restoreNumber: UInt8 { base.restoreNumber }

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await base.insert(record, audit: event)
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await base.session(handle)
    }

    public func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        try await base.insert(record, admission: admission, audit: event)
    }

    public func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool {
        try await base.isLive(handle, at: now, within: terms)
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await base.update(handle, decide)
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.handles(of: user, tenant: tenant, liveAt: now, within: terms)
    }

    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        try await base.sessions(page)
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        try await base.forgetDevices(of: user, limit: limit)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.remove(selection, audit: revocation)
    }

    public func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        try await base.revocations(after: sequence, limit: limit)
    }

    public func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await base.trimRevocations(notedBefore: time, limit: limit)
    }

    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await base.sweepCutOffs(at: now, limit: limit)
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        try await base.updateSigningKeys(decide)
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await base.value(named: name, audit: event, orStore: candidate)
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await base.storedValue(name)
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        try await base.replaceValue(named: name, old, by: new, audit: event)
    }

    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await base.noteActivity(lastSeen)
    }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await base.countActiveUsers(since: time)
    }

    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await base.auditEvents(query)
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        try await base.trimAuditLog(retention, at: now, limit: limit)
    }

    public func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        try await base.auditPages(after: number, limit: limit)
    }

    public func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        try await base.chainedEntries(after: sequence, limit: limit)
    }

    public func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        try await base.chainAuditLog(at: now)
    }

    public func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        try await base.addAuditEvent(event)
    }

    public func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        try await base.eraseUser(user, audit: revocation, limit: limit)
    }
}
