import SessionEngine
import SessionStorage
import Synchronization

/// What has to hold after each step of storage (docs/specification/security.md 2).
enum Invariant: String {
    case i2 = "I2: a session has one current token, which changes by rotation only"
    case i3 = "I3: what was ended does not come back"
    case i4 = "I4: nothing happens to a session whose time is over, and its end moves by rotation only"
    case i5 = "I5: an honest client that tries again is not signed out"
    case i6 = "I6: what nobody knows is told as nothing else"
    case i7 = "I7: a used-up token ends the session, with one record"
    case i9 = "I9: every change has its record, and every record its change"
    case lostUpdate = "a change keeps what others have changed"
}

/// Watches every step of a storage.
final class Ledger: Sendable {
    private struct State {
        var ended: Set<SessionHandle> = []
        var thefts: [SessionHandle: Int] = [:]
        var report = TrialReport()
    }

    private let state = Mutex(State())

    /// What has been found so far.
    var report: TrialReport { state.withLock { $0.report } }

    func violate(_ invariant: Invariant, _ what: String) {
        state.withLock { $0.report.violate("\(invariant.rawValue): \(what)") }
    }

    func fault() { state.withLock { $0.report.faults += 1 } }

    func count(_ name: String) { state.withLock { $0.report.count(name) } }

    /// How often the reuse of a session's tokens was recorded.
    func thefts(of handle: SessionHandle) -> Int { state.withLock { $0.thefts[handle] ?? 0 } }

    /// One step: the session before and after it, with what the audit log has gained.
    func step(
        _ handle: SessionHandle, _ before: SessionRecord?, _ after: SessionRecord?, _ events: [AuditEvent],
        at now: Timestamp
    ) {
        let changes = before?.chain == after?.chain ? 0 : 1
        let isLate = events.map(\.name) == [.latePredecessor] && before?.storedSharing != after?.storedSharing
        if events.count != changes, !(isLate && changes == 0) {
            violate(.i9, "\(events.map(\.name.rawValue)) for \(changes) changes")
        }
        state.withLock { state in
            if after != nil, state.ended.contains(handle) { state.report.violate(Invariant.i3.rawValue) }
            if before != nil, after == nil { state.ended.insert(handle) }
            for event in events where event.name == .reuseDetected { state.thefts[handle, default: 0] += 1 }
        }
        if let before, let after { compare(before, after, events.first?.name, at: now) }
        if thefts(of: handle) > 0, after != nil { violate(.i7, "a session lives after its theft was recorded") }
        if thefts(of: handle) > 1 { violate(.i7, "\(thefts(of: handle)) records of theft") }
    }

    /// A session was ended with others.
    func end(_ handle: SessionHandle, _ events: [AuditEvent], isGone: Bool) {
        if events.count != 1 { violate(.i9, "\(events.map(\.name.rawValue)) for one end") }
        if !isGone { violate(.i3, "a session is there after its end") }
        state.withLock { _ = $0.ended.insert(handle) }
    }

    private func compare(_ before: SessionRecord, _ after: SessionRecord, _ event: AuditEvent.Name?, at now: Timestamp)
    {
        let isRotation = after.currentTokenHash != before.currentTokenHash
        if before != after, before.isExpired(at: now, within: .unlimited) {
            violate(.i4, "a change at \(now.milliseconds)")
        }
        // A refresh with a successor that has not been used yet rotates twice, once for each.
        let rotations = after.rotationCount.distance(from: before.rotationCount)
        if isRotation ? !(1...2).contains(rotations) : rotations != 0 { violate(.i2, "the count of rotations") }
        if after.expiresAt != before.expiresAt, !isRotation { violate(.i4, "another end without a rotation") }
        if isRotation, event != .refreshed { violate(.i2, "a rotation by \(event?.rawValue ?? "nothing")") }
        let keepsData = after.accessTokenPayload == before.accessTokenPayload && after.sessionData == before.sessionData
        if !keepsData, event != .dataChanged { violate(.lostUpdate, "data changed by \(event?.rawValue ?? "nothing")") }
        if event == .dataChanged, isRotation { violate(.lostUpdate, "a rotation undone by a change of data") }
    }
}

extension SessionRecord {
    /// What has an audit event whenever it changes: all but who shares which token.
    fileprivate var chain: SessionRecord {
        var record = self
        record.storedSharing = nil
        return record
    }
}
