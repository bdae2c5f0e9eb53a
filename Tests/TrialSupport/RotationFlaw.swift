import InMemoryStorage
public import SessionEngine
public import SessionStorage

/// Deliberate mistakes in the rule of docs/decisions/0019, by its names; each trial says which it has to find.
public enum RotationFlaw: String, Sendable, CaseIterable {
    /// F1, the rule of decision 0012: the successor is derived from the token alone, and the first use shuts its window.
    case oldRule = "F1 old rule"
    /// F2: no window is counted, so that each is the first one again.
    case uncounted = "F2 windows without a number"
    /// F3: nothing but the first use shuts a window.
    case endless = "F3 endless window"
    /// F4: the first use shuts everything, also for requests that were sent before it.
    case shutByUse = "F4 shut by first use"
    /// F6: no token is shortened.
    case whole = "F6 whole tokens"
    /// F7: the tokens of a repeat are shortened, and those of the next generation are not.
    case wholeAfterwards = "F7 whole next generation"
}

/// A storage that plants a mistake by showing decisions another sharing state than there is.
public struct FlawedStorage: SessionStorage {
    private let base = InMemorySessionStorage()
    private let flaw: RotationFlaw?
    public let restoreNumber: UInt8 = 0

    /// A storage in memory with a mistake, or with none.
    public init(_ flaw: RotationFlaw? = nil) {
        self.flaw = flaw
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let flaw = flaw
        return try await base.update(handle) { record, time in
            let shown = record.map { flaw?.shown($0) ?? $0 }
            var decided = decide(shown, time)
            if case .replace(let next) = decided.change, let flaw, let shown {
                decided.change = .replace(flaw.kept(next, after: shown))
            }
            return decided
        }
    }

    // The rest is the storage's.

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await base.insert(record, audit: event)
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await base.session(handle)
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.handles(of: user, tenant: tenant, liveAt: now)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.remove(selection, audit: revocation)
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
}

extension RotationFlaw {
    private static let longAgo = Timestamp(milliseconds: 0)

    /// What a decision is shown of a session.
    fileprivate func shown(_ record: SessionRecord) -> SessionRecord {
        guard var state = record.storedSharing else { return record }
        switch self {
        case .oldRule:
            state.window = nil
            state.sharedAt = nil
        case .endless: state.window?.openedAt = Timestamp(milliseconds: .max)
        case .whole, .wholeAfterwards: state.sharedAt = nil
        case .uncounted, .shutByUse: break
        }
        var shown = record
        shown.storedSharing = state
        return shown
    }

    /// What is kept of what was decided.
    fileprivate func kept(_ next: SessionRecord, after shown: SessionRecord) -> SessionRecord {
        var next = next
        guard var state = next.storedSharing else { return next }
        switch self {
        case .oldRule, .shutByUse:
            guard next.currentTokenHash != shown.currentTokenHash else { return next }
            state.issue?.repeatsUntil = nil
            next.rotatedAt = Self.longAgo
        case .uncounted: state.window?.number = 0
        case .endless, .whole, .wholeAfterwards: break
        }
        next.storedSharing = state
        return next
    }
}
