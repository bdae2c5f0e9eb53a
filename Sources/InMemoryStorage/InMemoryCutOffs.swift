import SessionEngine
import SessionStorage

/// The cut-offs of one app.
struct InMemoryCutOffs {
    private var cutOffs: [CutOff.Scope: [CutOff]] = [:]

    /// Whether a session was ended by one.
    func ended(_ record: SessionRecord) -> Bool { latest(of: record).map { record.createdAt <= $0 } ?? false }

    /// Whether there are none.
    var isEmpty: Bool { cutOffs.isEmpty }

    /// A record as it is stored: created after the cut-offs of its user.
    func admitted(_ record: SessionRecord) -> SessionRecord {
        var record = record
        if let time = latest(of: record) { record.createdAt = max(record.createdAt, time + Milliseconds(1)) }
        return record
    }

    private func latest(of record: SessionRecord) -> Timestamp? {
        let scopes = [CutOff.Scope(record.userID), CutOff.Scope(record.userID, in: record.tenantID)]
        return scopes.flatMap { cutOffs[$0] ?? [] }.map(\.time).max()
    }

    /// Makes a cut-off, unless one that is there has ended all of the user's sessions.
    mutating func make(
        _ scope: CutOff.Scope, at now: Timestamp, newest: Timestamp, _ revocation: Revocation?
    ) -> CutOff? {
        let previous = cutOffs[scope]?.map(\.time).max()
        guard previous.map({ $0 < min(newest, CutOff.latest) }) ?? true else { return nil }
        let cutOff = CutOff(
            scope, upTo: CutOff.time(at: now, newest: newest), madeAt: revocation?.time ?? now, by: revocation?.actor)
        cutOffs[scope, default: []].append(cutOff)
        return cutOff
    }

    /// Those that may be swept, the oldest first.
    func due(at now: Timestamp) -> [CutOff] {
        cutOffs.values.flatMap(\.self).filter { $0.madeAt <= CutOff.dueTime(at: now) }
            .sorted { ($0.madeAt, $0.time) < ($1.madeAt, $1.time) }
    }

    /// Forgets those of a user who is erased.
    mutating func forget(_ user: UserID) { cutOffs = cutOffs.filter { $0.key.user != user } }

    /// Forgets one whose rows are gone.
    mutating func forget(_ cutOff: CutOff) {
        cutOffs[cutOff.scope]?.removeAll { $0 == cutOff }
        if cutOffs[cutOff.scope]?.isEmpty ?? false { cutOffs[cutOff.scope] = nil }
    }
}
