import Foundations

/// What is known about the 256th part of all names: an immutable snapshot, sorted by digest.
struct RevocationShard: Sendable {
    /// A session that ended.
    struct Session: Sendable {
        var digest: RevocationDigest
        var until: Int64
    }

    /// A time before which the sessions of a user ended, of one tenant or of all.
    struct CutOff: Sendable {
        var digest: RevocationDigest
        var tenant: RevocationDigest?
        var time: Int64
        var until: Int64
    }

    private(set) var sessions: [Session] = []
    private(set) var cutOffs: [CutOff] = []

    var count: Int { sessions.count + cutOffs.count }

    func hasSession(_ digest: RevocationDigest) -> Bool {
        let place = sessions.firstPlace { $0.digest >= digest }
        return place < sessions.count && sessions[place].digest == digest
    }

    /// The newest cut-off of a user that a session of this tenant falls under.
    func cutOff(of user: RevocationDigest, tenant: RevocationDigest) -> CutOff? {
        guard !cutOffs.isEmpty else { return nil }
        var newest: CutOff?
        for cutOff in cutOffs[cutOffs.firstPlace(where: { $0.digest >= user })...] {
            guard cutOff.digest == user else { break }
            guard cutOff.tenant == nil || cutOff.tenant == tenant else { continue }
            if newest.map({ $0.time < cutOff.time }) ?? true { newest = cutOff }
        }
        return newest
    }

    /// Whether something here matters no more.
    func hasExpired(at now: Int64) -> Bool {
        sessions.contains { $0.until <= now } || cutOffs.contains { $0.until <= now }
    }

    /// This with more, without what matters no more.
    func merged(_ newSessions: [Session], _ newCutOffs: [CutOff], at now: Int64) -> RevocationShard {
        var result = RevocationShard()
        result.sessions = Self.merged(
            sessions, newSessions, by: { $0.digest < $1.digest }, isKept: { $0.until > now },
            both: { Session(digest: $0.digest, until: max($0.until, $1.until)) })
        result.cutOffs = Self.merged(
            cutOffs, newCutOffs, by: CutOff.isBefore, isKept: { $0.until > now },
            both: {
                CutOff(
                    digest: $0.digest, tenant: $0.tenant, time: max($0.time, $1.time), until: max($0.until, $1.until))
            })
        return result
    }

    /// Two lists as one, sorted; the first is sorted already and has room for as many as are left.
    private static func merged<Mark>(
        _ old: [Mark], _ new: [Mark], by isBefore: (Mark, Mark) -> Bool, isKept: (Mark) -> Bool,
        both: (Mark, Mark) -> Mark
    ) -> [Mark] {
        var result: [Mark] = []
        result.reserveCapacity(old.count + new.count)
        var rest = old[...]
        func append(_ mark: Mark) {
            guard isKept(mark) else { return }
            if let last = result.last, !isBefore(last, mark) {
                result[result.count - 1] = both(last, mark)
            } else {
                result.append(mark)
            }
        }
        for mark in new.sorted(by: isBefore) {
            while let first = rest.first, !isBefore(mark, first) {
                append(first)
                rest = rest.dropFirst()
            }
            append(mark)
        }
        for mark in rest { append(mark) }
        return result
    }
}

extension RevocationShard.CutOff {
    /// The order of the list: by user, and within one first what holds for all tenants.
    static func isBefore(_ left: Self, _ right: Self) -> Bool {
        guard left.digest == right.digest else { return left.digest < right.digest }
        guard let tenant = right.tenant else { return false }
        return left.tenant.map { $0 < tenant } ?? true
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first place from which on a condition holds, which holds for all places after it.
    func firstPlace(where holds: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
