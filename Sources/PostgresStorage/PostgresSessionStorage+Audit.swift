import Foundations
import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        let (newestFirst, start) =
            switch query.order {
            case .newestFirst(let before): (true, before ?? .max)
            case .oldestFirst(let after): (false, after)
            }
        let wanted: [(filter: Statements.AuditFilter, value: String?)] = [
            (.session, query.handle?.rawValue), (.user, query.userID?.rawValue), (.event, query.name?.rawValue),
            (.actor, query.actor?.rawValue),
        ]
        var values: NamedValues = ["start": .integer(start), "limit": .integer(Int64(max(0, query.limit)))]
        var filters: [Statements.AuditFilter] = []
        for case (let filter, let value?) in wanted {
            filters.append(filter)
            values = values + NamedValues(dictionaryLiteral: (filter.parameter, .text(value)))
        }
        let inTime = query.since != nil || query.until != nil
        if inTime {
            values =
                values + [
                    "since": .integer(query.since?.milliseconds ?? .min),
                    "until": .integer(query.until?.milliseconds ?? .max),
                ]
        }
        guard values.areStorable else { return [] }
        let statement =
            query.isByTimeAlone
            ? statements.selectAuditEventsInTime(newestFirst: newestFirst)
            : statements.selectAuditEvents(matching: filters, newestFirst: newestFirst, inTime: inTime)
        return try await run(statement, values).rows { AuditRecord(row: $0) }
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        guard try await database.acquireLease(for: "tessera_trim") else { return 0 }
        guard try await auditPages(after: .min, limit: 1).isEmpty else {
            return try await trimPages(retention, at: now, limit: limit)
        }
        let oldest = Timestamp(milliseconds: (now.sinceEpoch - retention.age).count)
        let values: NamedValues = [
            "oldest": .integer(oldest.milliseconds), "count": .integer(retention.entries),
            "limit": .integer(Int64(max(0, limit))),
        ]
        return try await run(statements.deleteOldAuditEvents, values).affected
    }

    /// Deletes whole pages from the oldest, until `limit` entries are gone; never the newest page.
    private func trimPages(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        var total = try await run(statements.countChained).first?.integer(0) ?? 0
        var removed = 0
        while removed < limit {
            let oldest = try await auditPages(after: .min, limit: 2)
            guard oldest.count == 2, let page = oldest.first, retention.isOver(page, of: total, at: now) else { break }
            var users: [String] = []
            for (user, count) in try await run(statements.deleteAuditPage, ["page": .integer(page.number)])
                .rows({ ($0.optionalText(0), $0.integer(1)) })
            {
                if let user { users.append(user) }
                removed += Int(clamping: count)
            }
            _ = try await run(statements.deleteUnusedSalts, ["users": .texts(users)])
            total -= min(total, max(0, page.count))
        }
        return removed
    }

    public func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        let values: NamedValues = ["page": .integer(number), "limit": .integer(Int64(max(0, limit)))]
        return try await run(statements.selectAuditPages, values).rows { AuditPage(row: $0) }
    }

    public func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        try await entries(after: sequence, upTo: .max, limit: limit)
    }

    private func entries(
        after sequence: Int64, upTo end: Int64, limit: Int
    ) async throws(StorageError) -> [ChainedEntry] {
        let values: NamedValues = [
            "start": .integer(sequence), "end": .integer(end), "limit": .integer(Int64(max(0, limit))),
        ]
        return try await run(statements.selectChainedEntries, values).rows { ChainedEntry(row: $0) }
    }

    /// The node that holds the lease does it, once every transaction has ended that may still write an entry before the
    /// last one of the page.
    public func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        let newest = try await run(statements.selectNewestAuditPage).first.map { AuditPage(row: $0) }
        let start = newest?.last ?? .min
        guard let row = try await run(statements.selectChainHorizon).first, row.integer(0) > max(start, 0) else {
            return 0
        }
        guard try await database.acquireLease(for: "tessera_chain") else {
            database.horizons.forget(app)
            return 0
        }
        let seen = ChainHorizons.Horizon(newest: row.integer(0), transaction: row.integer(1))
        let end = database.horizons.end(of: app, after: start, seen, oldest: row.integer(2))
        guard let end else { return 0 }
        let values: NamedValues = [
            "start": .integer(start), "end": .integer(end), "limit": .integer(Int64(AuditPage.largestCount)),
        ]
        _ = try await run(statements.insertSalts, values)
        let found = try await entries(after: start, upTo: end, limit: AuditPage.largestCount)
        // A user who is erased now has no salt; the next call finds the pseudonym.
        guard let page = AuditPage(of: app, found, after: newest, at: now) else { return 0 }
        return try await run(statements.insertAuditPage, page.values).affected > 0 ? found.count : 0
    }

    public func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        _ = try await run(statements.insertAuditEvent, event.values)
    }

    public func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        let key: NamedValues = ["user": .text(user.rawValue)]
        guard key.areStorable else { return ErasureProgress(isDone: true) }
        let most: NamedValues = ["limit": .integer(Int64(max(1, limit)))]
        let sessions = try await run(
            statements.eraseSessions, key + most + revocation.values, priority: .revoke
        ).first?.integer(0)
        if let sessions, sessions > 0 { return ErasureProgress(sessions: Int(clamping: sessions)) }
        if let salt = try await run(statements.insertSalt, key).first?.text(0) {
            let digest = AuditChain.userDigest(user.rawValue, salt: salt)
            let pseudonym = AuditChain.pseudonym(digest)
            let values = key + most + ["digest": .text(digest), "pseudonym": .text(pseudonym)]
            let count = try await run(statements.eraseAuditEvents, values).affected
            return ErasureProgress(entries: count, pseudonym: pseudonym)
        }
        let named = key + ["digest": .text(RevocationRecord.digest(of: user))]
        let seen = try await run(statements.eraseRest, named).first?.integer(0) ?? 0
        return ErasureProgress(wasSeen: seen > 0, isDone: true)
    }
}
