import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting

/// Storage with one fault of the kind that real ones have had: the suite has to notice each.
struct BrokenStorage: StorageDecorator {
    enum Defect: String, Sendable, CaseIterable {
        case overwritesOnInsert, raisesRemovedSessions, forgetsUpdates, listsEndedSessions, listsNewestFirst
        case removesTwice, removesForeignSessions, ignoresTheLimit, removesLiveSessions
        case lastKeyWins, keepsRemovedKeys, lastValueWins, splitsUpdates, hidesEndedSessions, losesStaticKind
        case forgetsActivity, countsEverybody, losesRotation
        case forgetsEvents, forgetsEventsOfRemovals, forgetsKeyEvents, writesEventsOfNothing, trimsTheNewest,
            keepsTheTrail
        case ignoresTheFilter, losesTheUse
        case losesUpdates, replacesAnything, makesWhatIsRead, forgetsReplacements
        case chainsNothing, chainsTwice, erasesNoEntries, erasesNoSessions, forgetsTheActor, ignoresTheTime
        case neverSweeps, sweepsTooEarly, sweepsLiveSessions
        case losesTraits, forgetsTheTerms, countsNobody
        case repeatsAPage, forgetsNoDevice
        case settlesNothing, settlesAsDelivered, leasesToAll, revivesNothing, buriesNothing, repeatsEvents, keepsStreams
    }

    let base: any SessionStorage = InMemorySessionStorage()
    let defect: Defect

    func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        if defect == .overwritesOnInsert { _ = try await base.remove(.handles([record.handle])) }
        var record = record
        if defect == .losesStaticKind { record.signingKeyKind = .dynamic }
        if defect == .losesTraits { record.traits = .none }
        if defect == .losesRotation { record.rotatedAt = nil }
        if defect == .losesTheUse { (record.storedSharing, record.rotationCount) = (nil, 0) }
        try await base.insert(record, audit: defect == .forgetsEvents ? nil : event)
    }

    func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        guard defect == .countsNobody else {
            return try await base.insert(record, admission: admission, audit: event)
        }
        try await base.insert(record, audit: event)
        return .created(ended: [])
    }

    func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        guard let record = try await base.session(handle) else { return nil }
        return defect == .hidesEndedSessions && record.expiresAt < Timestamp(milliseconds: 1_000) ? nil : record
    }

    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let current = try await base.session(handle)
        let decided = decide(current, nil)
        switch (defect, decided.change) {
        case (.forgetsUpdates, .replace): return decided.outcome
        case (.raisesRemovedSessions, .replace(let record)) where current == nil: try await base.insert(record)
        case (.splitsUpdates, let change):
            await Task.yield()
            return try await base.update(handle) { _ in Decision(change, decided.outcome) }
        case (.writesEventsOfNothing, _) where current == nil && decided.audit != nil:
            try await base.insert(Sample.record("ghost"), audit: decided.audit)
            _ = try await base.remove(.handles([SessionHandle("ghost")]))
        case (.forgetsEvents, _):
            return try await base.update(handle) { record, time in
                var decided = decide(record, time)
                decided.audit = nil
                return decided
            }
        default: break
        }
        return try await base.update(handle, decide)
    }

    func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        let now = defect == .listsEndedSessions ? Timestamp(milliseconds: .min) : now
        let terms = defect == .forgetsTheTerms ? SessionTerms.unlimited : terms
        let handles = try await base.handles(of: user, tenant: tenant, liveAt: now, within: terms)
        return defect == .listsNewestFirst ? handles.reversed() : handles
    }

    func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        var page = page
        if defect == .listsEndedSessions { page.time = Timestamp(milliseconds: .min) }
        if defect == .forgetsTheTerms { page.terms = .unlimited }
        if defect == .repeatsAPage { page.before = nil }
        let records = try await base.sessions(page)
        return defect == .listsNewestFirst ? records.reversed() : records
    }

    func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        guard defect != .forgetsNoDevice else { return 0 }
        return try await base.forgetDevices(of: user, limit: limit)
    }

    func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        switch (defect, selection) {
        case (.removesTwice, .handles(let handles)):
            _ = try await base.remove(selection)
            return handles
        case (.removesForeignSessions, .user):
            return try await base.remove(.user(UserID("u2"), liveAt: Timestamp(milliseconds: 0)))
        case (.ignoresTheLimit, .expired(let now, _, _)):
            return try await base.remove(.expired(at: now, limit: .max))
        case (.removesLiveSessions, .expired(let now, let limit, _)):
            return try await base.remove(.expired(at: now + Milliseconds(1), limit: limit))
        case (.forgetsEventsOfRemovals, _): return try await base.remove(selection)
        default: return try await base.remove(selection, audit: revocation)
        }
    }

    func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        switch defect {
        case .neverSweeps: return 0
        case .sweepsTooEarly: return try await base.sweepCutOffs(at: now + .seconds(60), limit: limit)
        case .sweepsLiveSessions:
            return try await base.remove(.user(UserID("u1"), liveAt: now)).count
        case .ignoresTheLimit: return try await base.sweepCutOffs(at: now, limit: .max)
        default: return try await base.sweepCutOffs(at: now, limit: limit)
        }
    }

    func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let defect = defect
        return try await base.updateSigningKeys { keys in
            var change = decide(keys)
            if defect == .keepsRemovedKeys { change.removed = [] }
            if defect == .lastKeyWins { change.removed += change.added.map(\.id) }
            if defect == .forgetsKeyEvents { change.events = [] }
            if defect == .losesUpdates { change.updated = [] }
            return change
        }
    }

    func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let value = try await base.value(
            named: name, audit: defect == .forgetsKeyEvents ? nil : event, orStore: candidate)
        return defect == .lastValueWins ? candidate() : value
    }

    func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        if defect == .makesWhatIsRead { return try await base.value(named: name) { "made" } }
        return try await base.storedValue(name)
    }

    func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        let old = defect == .replacesAnything ? try await base.storedValue(name) ?? old : old
        let event = defect == .forgetsReplacements ? nil : event
        return try await base.replaceValue(named: name, old, by: new, audit: event)
    }

    func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        if defect == .forgetsActivity { return }
        try await base.noteActivity(lastSeen)
    }

    func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        let time = defect == .countsEverybody ? Timestamp(milliseconds: .min) : time
        return try await base.countActiveUsers(since: time)
    }

    func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        var query = query
        if defect == .ignoresTheFilter { (query.handle, query.userID, query.name) = (nil, nil, nil) }
        if defect == .ignoresTheTime { (query.since, query.until) = (nil, nil) }
        return try await base.auditEvents(query).map { record in
            var record = record
            if defect == .forgetsTheActor { record.event.actor = nil }
            return record
        }
    }

    func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        defect == .chainsNothing ? 0 : try await base.chainAuditLog(at: now)
    }

    func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        let pages = try await base.auditPages(after: number, limit: limit)
        return defect == .chainsTwice ? pages + pages.suffix(1) : pages
    }

    func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        if defect == .erasesNoSessions { return ErasureProgress(isDone: true) }
        let done = try await base.eraseUser(user, audit: revocation, limit: limit)
        return defect == .erasesNoEntries && done.sessions == 0 ? ErasureProgress(isDone: true) : done
    }

    func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        switch defect {
        case .keepsTheTrail: 0
        case .ignoresTheLimit: try await base.trimAuditLog(retention, at: now, limit: .max)
        case .trimsTheNewest:
            try await base.trimAuditLog(AuditRetention(age: Milliseconds(-1), entries: 1), at: now, limit: limit)
        default: try await base.trimAuditLog(retention, at: now, limit: limit)
        }
    }
}
