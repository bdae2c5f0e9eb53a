import Foundations
import OperatorMetrics
package import SessionEngine
package import SessionStorage
import Synchronization

/// A directory whose storages are measured.
package struct MeasuredDirectory: AppDirectory {
    private let base: any AppDirectory
    private let metrics: TesseraMetrics
    private let traced: DatabaseSystem?
    private let clock: ClockAndRandomness

    /// Measures what is done with the storages of a directory.
    ///
    /// - Parameters:
    ///   - base: the directory.
    ///   - metrics: where it is noted.
    ///   - traced: which database the spans of requests name; `nil` where requests are not traced.
    ///   - clock: the time of this machine.
    package init(
        _ base: any AppDirectory, _ metrics: TesseraMetrics, traced: DatabaseSystem? = nil,
        clock: ClockAndRandomness = .system
    ) {
        (self.base, self.metrics, self.traced, self.clock) = (base, metrics, traced, clock)
        metrics.storage.begin(at: clock.time())
    }

    /// Records a question in the trace of the request that it is for.
    private func recorded<Result>(
        _ statement: StorageStatement, _ body: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        guard let traced else { return try await body() }
        let begun = MonotonicTime.present
        do throws(StorageError) {
            let result = try await body()
            traced.record(statement, since: begun)
            return result
        } catch {
            traced.record(statement, since: begun, error)
            throw error
        }
    }

    package func apps() async throws(StorageError) -> [AppRecord] {
        try await recorded(.selectApps) { () async throws(StorageError) in try await base.apps() }
    }

    package func names() async throws(StorageError) -> Set<AppID> {
        try await recorded(.selectApps) { () async throws(StorageError) in try await base.names() }
    }

    package func app(_ id: AppID) async throws(StorageError) -> AppRecord? {
        try await recorded(.selectApps) { () async throws(StorageError) in try await base.app(id) }
    }

    package func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await recorded(.changeApps) { () async throws(StorageError) in
            try await base.updateTenant(of: app, decide)
        }
    }

    package func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        try await recorded(.deleteApps) { () async throws(StorageError) in
            try await base.removeTenant(tenant, of: app, audit: revocation)
        }
    }

    package func removeApp(_ app: AppID) async throws(StorageError) -> Bool {
        try await recorded(.deleteApps) { () async throws(StorageError) in try await base.removeApp(app) }
    }

    package func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>] {
        try await base.signingKeyIDs(of: apps)
    }

    package func storage(of app: AppID) -> any SessionStorage { measured(base.storage(of: app)) }

    private func measured(_ storage: some SessionStorage) -> any SessionStorage {
        MeasuredStorage(base: storage, metrics: metrics.storage, clock: clock, traced: traced)
    }
}

/// A storage whose steps are timed, and whose events and ends are counted.
struct MeasuredStorage<Base: SessionStorage>: SessionStorage {
    let base: Base
    let metrics: StorageMetrics
    let clock: ClockAndRandomness
    /// Which database the spans of requests name; `nil` where requests are not traced.
    var traced: DatabaseSystem?

    var restoreNumber: UInt8 { base.restoreNumber }

    /// Times a step; a failure is counted by its kind.
    ///
    /// - Parameters:
    ///   - step: which it is in the metrics.
    ///   - statement: which it is in traces, where that is not the usual one.
    ///   - body: the step.
    func timed<Result>(
        _ step: StorageStepLabel, as statement: StorageStatement? = nil,
        _ body: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        let begun = MonotonicTime.present
        defer { metrics.durations.note(MonotonicTime.present.nanoseconds &- begun.nanoseconds, step) }
        do throws(StorageError) {
            let result = try await body()
            traced?.record(statement ?? .usual(step), since: begun)
            return result
        } catch {
            metrics.errors.add(error.code)
            traced?.record(statement ?? .usual(step), since: begun, error)
            throw error
        }
    }

    func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await timed(.insert) { () async throws(StorageError) in try await base.insert(record, audit: event) }
        if let event { metrics.auditEntries.add(event.name) }
    }

    func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        let outcome = try await timed(.insert) { () async throws(StorageError) in
            try await base.insert(record, admission: admission, audit: event)
        }
        switch outcome {
        case .created(let ended):
            let replaced = ended.count { $0 == admission.replaced || $0 == admission.predecessor?.handle }
            metrics.ended.add(.replaced, by: replaced)
            metrics.ended.add(.limit, by: ended.count - replaced)
            guard let event else { break }
            metrics.auditEntries.add(event.name)
            metrics.auditEntries.add(.revoked, by: ended.count)
        case .refused: if event != nil { metrics.auditEntries.add(.refused) }
        case .predecessorChanged: break
        }
        return outcome
    }

    func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await timed(.read) { () async throws(StorageError) in try await base.session(handle) }
    }

    func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool {
        try await timed(.read) { () async throws(StorageError) in
            try await base.isLive(handle, at: now, within: terms)
        }
    }

    /// What the decision was about goes out beside its outcome, because only the last decision counts.
    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let decided = try await timed(.update) { () async throws(StorageError) in
            try await base.update(handle) { record, storageTime in
                let decision = decide(record, storageTime)
                return Decision(
                    decision.change, CountedDecision(decision, about: record, at: storageTime), audit: decision.audit)
            }
        }
        if let time = decided.storageTime { metrics.clockOffset.set(time.inSeconds - clock.time().inSeconds) }
        if let event = decided.event { metrics.auditEntries.add(event) }
        if let means = decided.ended { metrics.ended.add(means) }
        if decided.hasRotated { metrics.rotations.increment() }
        return decided.outcome
    }

    func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        try await timed(.list) { () async throws(StorageError) in
            try await base.handles(of: user, tenant: tenant, liveAt: now, within: terms)
        }
    }

    func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        try await timed(.list) { () async throws(StorageError) in try await base.sessions(page) }
    }

    func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        try await timed(.update) { () async throws(StorageError) in
            try await base.forgetDevices(of: user, limit: limit)
        }
    }

    func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        var isUpkeep = false
        if case .expired = selection { isUpkeep = true }
        let handles = try await timed(isUpkeep ? .upkeep : .remove, as: .deleteSessions) {
            () async throws(StorageError) in
            try await base.remove(selection, audit: revocation)
        }
        metrics.ended.add(revocation?.means ?? selection.means, by: handles.count)
        if revocation != nil { metrics.auditEntries.add(.revoked, by: handles.count) }
        if isUpkeep { upkeep(.sessions, handles.count) }
        return handles
    }

    func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let count = try await timed(.upkeep, as: .deleteSessions) { () async throws(StorageError) in
            try await base.sweepCutOffs(at: now, limit: limit)
        }
        upkeep(.cutOffs, count)
        return count
    }

    func upkeep(_ job: JobLabel, _ count: Int) {
        metrics.removed.add(job, by: count)
        metrics.succeeded(job, at: clock.time())
    }
}

/// A decision as it is counted.
private struct CountedDecision<Outcome: Sendable>: Sendable {
    let outcome: Outcome
    let storageTime: Timestamp?
    var event: AuditEvent.Name?
    var ended: Revocation.Means?
    var hasRotated = false

    init(_ decision: Decision<Outcome>, about record: SessionRecord?, at storageTime: Timestamp?) {
        (outcome, self.storageTime) = (decision.outcome, storageTime)
        // Of a session that is not there nothing is written.
        guard let record else { return }
        event = decision.audit?.name
        switch decision.change {
        case .keep: break
        case .replace(let next): hasRotated = next.currentTokenHash != record.currentTokenHash
        case .remove: ended = decision.audit?.means ?? .reuse
        }
    }
}

extension RevocationTarget {
    /// How these sessions end, where no audit log says it.
    fileprivate var means: Revocation.Means {
        switch self {
        case .handles: .handle
        case .user: .all
        case .expired: .expiry
        }
    }
}

extension MeasuredStorage: LinkedAccountStorage where Base: LinkedAccountStorage {
    func primaryUser(of user: UserID) async throws(StorageError) -> UserID? {
        try await timed(.read, as: .selectAccounts) { () async throws(StorageError) in
            try await base.primaryUser(of: user)
        }
    }

    func linkedUsers(of user: UserID) async throws(StorageError) -> [UserID] {
        try await timed(.list, as: .selectAccounts) { () async throws(StorageError) in
            try await base.linkedUsers(of: user)
        }
    }
}
