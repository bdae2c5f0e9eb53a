import SessionEngine
import SessionStorage

/// The chain over one app's audit log on one connection, for readers and within the transactions of the writer.
struct SQLiteAuditChain {
    let app: AppID
    let connection: SQLiteConnection

    private var appValue: SQLiteValue { .text(app.rawValue) }

    func pages(after number: Int64, limit: Int) throws(StorageError) -> [AuditPage] {
        try connection.query(
            Statement.selectAuditPages, [appValue, .integer(number), .integer(Int64(max(0, limit)))]
        ) { AuditPage(row: $0) }
    }

    func entries(after sequence: Int64, limit: Int) throws(StorageError) -> [ChainedEntry] {
        try connection.query(
            Statement.selectChainedEntries, [appValue, .integer(sequence), .integer(Int64(max(0, limit)))]
        ) { ChainedEntry(row: $0) }
    }

    /// Whether every entry is in a page.
    func isComplete() throws(StorageError) -> Bool {
        try connection.query(Statement.isAuditChained, [appValue]) { $0.integer(0) }.first != 0
    }

    /// Adds a page; entries of one writer come in the order of their numbers, so each may be chained at once.
    func addPage(at now: Timestamp) throws(StorageError) -> Int {
        let newest = try connection.query(Statement.selectNewestAuditPage, [appValue]) { AuditPage(row: $0) }.first
        let start = newest?.last ?? .min
        let limit = AuditPage.largestCount
        try connection.run(Statement.insertSalts, [appValue, .integer(start), .integer(Int64(limit))])
        let entries = try entries(after: start, limit: limit)
        guard let page = AuditPage(of: app, entries, after: newest, at: now) else { return 0 }
        // What is not a number would be chained again and again.
        guard page.last > start else {
            throw StorageError(
                .corrupt, "audit_trail of the app \(app.rawValue): the number of an entry after \(start) is not one")
        }
        try connection.run(Statement.insertAuditPage, [appValue] + page.columns)
        return entries.count
    }

    /// Deletes whole pages from the oldest, until `limit` entries are gone; never the newest page.
    func trim(_ retention: AuditRetention, at now: Timestamp, limit: Int) throws(StorageError) -> Int {
        var total = try connection.query(Statement.countChained, [appValue]) { $0.integer(0) }.first ?? 0
        var removed = 0
        while removed < limit {
            let oldest = try pages(after: .min, limit: 2)
            guard oldest.count == 2, let page = oldest.first, retention.isOver(page, of: total, at: now) else { break }
            let users = try connection.query(Statement.deleteAuditEntries, [appValue, .integer(page.last)]) { row in
                row.isNull(0) ? nil : row.text(0)
            }
            try connection.run(Statement.deleteAuditPage, [appValue, .integer(page.number)])
            for user in Set(users.compactMap(\.self)) {
                try connection.run(Statement.deleteUnusedSalt, [appValue, .text(user)])
            }
            removed += users.count
            total -= min(total, max(0, page.count))
        }
        return removed
    }

    /// Gives a user's entries a pseudonym; returns how many, and the pseudonym.
    func eraseEntries(of user: UserID, limit: Int) throws(StorageError) -> (count: Int, pseudonym: String?) {
        let key = [appValue, SQLiteValue.text(user.rawValue)]
        guard try !connection.query(Statement.hasAuditOfUser, key, row: { $0.integer(0) }).isEmpty else {
            return (0, nil)
        }
        try connection.run(Statement.insertSalt, key)
        let salt = try connection.query(Statement.selectSalt, key) { $0.text(0) }.first ?? ""
        let digest = AuditChain.userDigest(user.rawValue, salt: salt)
        let pseudonym = AuditChain.pseudonym(digest)
        let count = try connection.run(
            Statement.eraseAuditOfUser, key + [.text(pseudonym), .text(digest), .integer(Int64(limit))])
        return (count, pseudonym)
    }
}
