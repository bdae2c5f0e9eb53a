import SessionEngine
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport

/// Deliberate mistakes, each of which a trial has to find.
public enum Flaw: String, Sendable, CaseIterable {
    /// A decision is written without looking whether it still holds.
    case twoSteps = "two-steps"
    /// Now and then the record of a change is not written.
    case losesRecords = "loses-records"
    /// Every refresh makes another successor, as SuperTokens' core does.
    case randomChildren = "random-successors"
    /// Flaw F4 of docs/decisions/0019.
    case firstUseShuts = "first-use-shuts"

    fileprivate var ofRotation: RotationFlaw? { self == .firstUseShuts ? .shutByUse : nil }
}

/// Storage in memory that fails and dawdles as a seed says, and shows every step to a ledger.
final class SimulatedStorage: StorageDecorator {
    let base: any SessionStorage
    /// Whether the storage has a clock of its own, which all nodes share.
    private let hasClock: Bool
    private let executor: SeededExecutor
    private let dice: Mutex<SplitMix64>
    private let clock: TestClock
    private let flaw: Flaw?
    private let isCalm = Mutex(true)
    let ledger = Ledger()

    init(seed: UInt64, executor: SeededExecutor, clock: TestClock, hasClock: Bool, flaw: Flaw?) {
        base = FlawedStorage(flaw?.ofRotation)
        self.hasClock = hasClock
        self.executor = executor
        self.clock = clock
        self.flaw = flaw
        dice = Mutex(SplitMix64(seed: seed ^ 0x5709))
    }

    private var time: Timestamp? { hasClock ? clock.now : nil }

    /// Whether nothing fails and nothing dawdles.
    func setCalm(_ calm: Bool) { isCalm.withLock { $0 = calm } }

    private func chance(percent: Int) -> Bool {
        !isCalm.withLock { $0 } && dice.withLock { $0.chance(percent: percent) }
    }

    private func pause() async {
        if !isCalm.withLock({ $0 }) { await executor.pause() }
    }

    /// Runs a step between two waits; it may fail before it, or after it although it was done.
    private func unreliably<Result>(
        _ step: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        await pause()
        if chance(percent: 6) {
            ledger.fault()
            throw StorageError(.unavailable, "simulated")
        }
        let result = try await step()
        await pause()
        if chance(percent: 6) {
            ledger.fault()
            throw StorageError(.unknownOutcome, "simulated")
        }
        return result
    }

    /// What the audit log has gained by a step.
    private func watched<Result>(
        _ step: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> (Result, [AuditEvent]) {
        let last = try await base.auditEvents(AuditQuery(limit: 1)).first?.sequence ?? 0
        let result = try await step()
        return (result, try await base.auditEvents(AuditQuery(order: .oldestFirst(after: last))).map(\.event))
    }

    func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await unreliably { () async throws(StorageError) in
            let (_, events) = try await watched { () async throws(StorageError) in
                try await base.insert(record, audit: event)
            }
            ledger.step(record.handle, nil, record, events, at: clock.now)
        }
    }

    func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await unreliably { () async throws(StorageError) in try await base.session(handle) }
    }

    /// The session as it is, for the trial's own eyes.
    func peek(_ handle: SessionHandle) async -> SessionRecord? { try? await base.session(handle) }

    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        // Storage may ask twice; only its last answer counts.
        if chance(percent: 20) { _ = decide(try await base.session(handle), time) }
        if flaw == .twoSteps { return try await updateInTwoSteps(handle, decide) }
        let forgets = flaw == .losesRecords && chance(percent: 10)
        return try await unreliably { () async throws(StorageError) in
            let before = try await base.session(handle)
            let (outcome, events) = try await watched { () async throws(StorageError) in
                try await base.update(handle) { record, _ in
                    var decided = decide(record, self.time)
                    if forgets { decided.audit = nil }
                    return decided
                }
            }
            ledger.step(handle, before, try await base.session(handle), events, at: clock.now)
            return outcome
        }
    }

    /// The mistake: between the look and the write others write too.
    private func updateInTwoSteps<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let decided = decide(try await base.session(handle), time)
        return try await unreliably { () async throws(StorageError) in
            let before = try await base.session(handle)
            let (_, events) = try await watched { () async throws(StorageError) in
                switch decided.change {
                case .keep: break
                case .remove: _ = try await base.update(handle) { _ in Decision(.remove, (), audit: decided.audit) }
                case .replace(let record):
                    _ = try await base.remove(.handles([handle]))
                    try await base.insert(record, audit: decided.audit)
                }
            }
            ledger.step(handle, before, try await base.session(handle), events, at: clock.now)
            return decided.outcome
        }
    }

    func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        try await unreliably { () async throws(StorageError) in
            try await base.handles(of: user, tenant: tenant, liveAt: now, within: terms)
        }
    }

    func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        try await unreliably { () async throws(StorageError) in try await base.sessions(page) }
    }

    func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        try await unreliably { () async throws(StorageError) in
            try await base.forgetDevices(of: user, limit: limit)
        }
    }

    func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await unreliably { () async throws(StorageError) in
            let (ended, events) = try await watched { () async throws(StorageError) in
                try await base.remove(selection, audit: revocation)
            }
            for handle in ended {
                let own = events.filter { $0.handle == handle }
                ledger.end(handle, own, isGone: try await base.session(handle) == nil)
            }
            if events.count != ended.count { ledger.violate(.i9, "\(events.count) records of \(ended.count) ends") }
            return ended
        }
    }
}
