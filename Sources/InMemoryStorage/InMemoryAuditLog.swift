import LosslessJSON
import SessionEngine
import SessionStorage

/// An audit log as an array, with its chain.
struct InMemoryAuditLog {
    private var records: [AuditRecord] = []
    private var pages: [AuditPage] = []
    private var salts: [UserID: String] = [:]
    /// The digests of erased users, by the numbers of the entries.
    private var digests: [Int64: String] = [:]

    /// Adds an entry; returns its number.
    mutating func append(_ event: AuditEvent) -> Int64 {
        let sequence = (records.last?.sequence ?? 0).saturatingAdd(1)
        records.append(AuditRecord(sequence: sequence, event: event))
        return sequence
    }

    func page(_ query: AuditQuery) -> [AuditRecord] {
        let ordered: [AuditRecord] =
            switch query.order {
            case .newestFirst(nil): inOrder(of: query).reversed()
            case .newestFirst(let before?):
                inOrder(of: query).reversed().filter { place($0, query) < place(of: before, query) }
            case .oldestFirst(let after): inOrder(of: query).filter { place($0, query) > place(of: after, query) }
            }
        return Array(ordered.filter { query.selects($0.event) }.prefix(max(0, query.limit)))
    }

    /// A search by time alone is in the order of time.
    private func inOrder(of query: AuditQuery) -> [AuditRecord] {
        guard query.isByTimeAlone else { return records }
        return records.sorted { ($0.event.time, $0.sequence) < ($1.event.time, $1.sequence) }
    }

    private func place(_ record: AuditRecord, _ query: AuditQuery) -> (Int64, Int64) {
        (query.isByTimeAlone ? record.event.time.milliseconds : 0, record.sequence)
    }

    /// The place of an entry in the order of a search, or the one after the entry before it.
    private func place(of sequence: Int64, _ query: AuditQuery) -> (Int64, Int64) {
        let before = records.last { $0.sequence <= sequence }
        return (query.isByTimeAlone ? before?.event.time.milliseconds ?? .min : 0, sequence)
    }

    mutating func trim(_ retention: AuditRetention, at now: Timestamp, limit: Int) -> Int {
        guard pages.isEmpty else { return trimPages(retention, at: now, limit: limit) }
        guard let newest = records.last?.sequence else { return 0 }
        let count = records.count
        var seen = 0
        records.removeAll { record in
            seen += 1
            guard seen <= limit, record.sequence < newest else { return false }
            return record.sequence <= newest - retention.entries || record.event.time + retention.age < now
        }
        return count - records.count
    }

    private mutating func trimPages(_ retention: AuditRetention, at now: Timestamp, limit: Int) -> Int {
        var removed = 0
        while removed < limit, pages.count > 1, let page = pages.first,
            retention.isOver(page, of: pages.map(\.count).reduce(0, +), at: now)
        {
            let count = records.count
            records.removeAll { $0.sequence <= page.last }
            pages.removeFirst()
            removed += count - records.count
        }
        let users = Set(records.compactMap(\.event.userID))
        salts = salts.filter { users.contains($0.key) }
        return removed
    }
}

extension InMemoryAuditLog {
    func auditPages(after number: Int64, limit: Int) -> [AuditPage] {
        Array(pages.filter { $0.number > number }.prefix(max(0, limit)))
    }

    func entries(after sequence: Int64, limit: Int) -> [ChainedEntry] {
        records.filter { $0.sequence > sequence }.prefix(max(0, limit)).map { record in
            let user: ChainedEntry.User =
                switch (record.event.userID, digests[record.sequence]) {
                case (let shown?, let digest?): .erased(shown.rawValue, digest: digest)
                case (let id?, nil): .known(id.rawValue, salt: salts[id])
                case (nil, _): .none
                }
            let event = record.event
            return ChainedEntry(
                sequence: record.sequence, time: event.time.milliseconds, event: event.name.rawValue,
                handle: event.handle?.rawValue ?? "", tenant: event.tenantID?.rawValue, actor: event.actor?.rawValue,
                means: event.means?.rawValue, details: JSONObjectText(event.details).text, user: user)
        }
    }

    /// Adds a page; each new user gets one of the salts.
    mutating func addPage(of app: AppID, at now: Timestamp, salt: () -> String) -> Int {
        let start = pages.last?.last ?? 0
        for record in records where record.sequence > start && digests[record.sequence] == nil {
            if let user = record.event.userID, salts[user] == nil { salts[user] = salt() }
        }
        let entries = entries(after: start, limit: AuditPage.largestCount)
        guard let page = AuditPage(of: app, entries, after: pages.last, at: now) else { return 0 }
        pages.append(page)
        return entries.count
    }

    /// Gives some of a user's entries a pseudonym.
    mutating func erase(_ user: UserID, limit: Int, salt: () -> String) -> ErasureProgress {
        let found = records.indices.filter {
            records[$0].event.userID == user && digests[records[$0].sequence] == nil
        }.prefix(max(1, limit))
        guard !found.isEmpty else { return ErasureProgress() }
        let known = salts[user] ?? salt()
        salts[user] = known
        let digest = AuditChain.userDigest(user.rawValue, salt: known)
        for index in found {
            records[index].event.userID = UserID(AuditChain.pseudonym(digest))
            digests[records[index].sequence] = digest
        }
        return ErasureProgress(entries: found.count, pseudonym: AuditChain.pseudonym(digest))
    }

    mutating func forgetSalt(of user: UserID) { salts[user] = nil }
}
