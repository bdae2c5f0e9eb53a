public import SessionEngine
public import SessionStorage
import Synchronization

/// The ends that were noted.
struct InMemoryRevocations {
    private(set) var records: [RevocationRecord] = []
    private var last: Int64 = 0

    mutating func note(_ subject: RevocationRecord.Subject, at time: Timestamp, notedAt now: Timestamp) {
        last = last.saturatingAdd(1)
        records.append(RevocationRecord(last, subject, at: time, notedAt: now))
    }

    mutating func trim(notedBefore time: Timestamp, limit: Int) -> Int {
        let old = records.filter { record in
            if case .key = record.subject { return false }
            return record.notedAt < time
        }.prefix(max(0, limit)).map(\.sequence)
        let gone = Set(old)
        records.removeAll { gone.contains($0.sequence) }
        return gone.count
    }

    /// Names a user who is erased by a digest.
    mutating func erase(_ user: UserID) {
        for index in records.indices {
            guard case .user(user, let tenant) = records[index].subject else { continue }
            records[index].subject = .erasedUser(digest: RevocationRecord.digest(of: user), tenant: tenant)
        }
    }
}

extension InMemorySessionStorage.State {
    /// Removes a session's row, and notes its end unless it had expired or was ended before.
    mutating func drop(_ record: SessionRecord, isExpired: Bool = false) {
        let isNews = !isExpired && !cutOffs.ended(record)
        guard sessions.removeValue(forKey: record.handle) != nil, isNews else { return }
        let now = clock()
        revocations.note(.session(record.handle), at: now, notedAt: now)
    }
}

extension InMemorySessionStorage {
    public func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        state.withLock { state in
            let found = state.revocations.records.filter { $0.sequence > sequence }.prefix(max(0, limit))
            return RevocationPage(
                history: "\(restoreNumber)", time: state.clock(), records: Array(found), last: found.last?.sequence,
                isLast: found.count < limit)
        }
    }

    public func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        state.withLock { $0.revocations.trim(notedBefore: time, limit: limit) }
    }
}
