import SessionEngine
import SessionStorage

/// The chain over the audit log (docs/decisions/0025); `?1` is the app.
extension Statement {
    private static let pageColumns = """
        page, first, last, count, newest_time, made_at, marks, entries_hash, previous, hash
        """
    static let selectAuditPages = """
        SELECT \(pageColumns) FROM audit_pages WHERE app_id = ?1 AND page > ?2 ORDER BY page LIMIT ?3
        """
    static let selectNewestAuditPage = """
        SELECT \(pageColumns) FROM audit_pages WHERE app_id = ?1 ORDER BY page DESC LIMIT 1
        """
    static let insertAuditPage = """
        INSERT INTO audit_pages (app_id, \(pageColumns)) VALUES (?,?,?,?,?,?,?,?,?,?,?)
        """
    static let deleteAuditPage = "DELETE FROM audit_pages WHERE app_id = ?1 AND page = ?2"
    static let countChained = "SELECT coalesce(sum(count), 0) FROM audit_pages WHERE app_id = ?1"
    static let isAuditChained = """
        SELECT coalesce((SELECT max(sequence) FROM audit_trail WHERE app_id = ?1), 0) \
        <= coalesce((SELECT last FROM audit_pages WHERE app_id = ?1 ORDER BY page DESC LIMIT 1), 0)
        """

    static let selectChainedEntries = """
        SELECT sequence, time, event, coalesce(session_handle, ''), tenant_id, actor, means, details, user_id, user_digest, \
        (SELECT salt FROM audit_salts AS salts WHERE salts.app_id = ?1 AND salts.user_id = audit_trail.user_id) \
        FROM audit_trail WHERE app_id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3
        """
    /// Makes the salts that the entries after the number `?2` lack.
    static let insertSalts = """
        INSERT OR IGNORE INTO audit_salts (app_id, user_id, salt) \
        SELECT ?1, user_id, lower(hex(randomblob(16))) FROM (SELECT DISTINCT user_id FROM (SELECT user_id, user_digest \
        FROM audit_trail WHERE app_id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3) \
        WHERE user_id IS NOT NULL AND user_digest IS NULL)
        """
    static let insertSalt = """
        INSERT OR IGNORE INTO audit_salts (app_id, user_id, salt) VALUES (?1, ?2, lower(hex(randomblob(16))))
        """
    static let selectSalt = "SELECT salt FROM audit_salts WHERE app_id = ?1 AND user_id = ?2"
    static let deleteSalt = "DELETE FROM audit_salts WHERE app_id = ?1 AND user_id = ?2"
    static let deleteUnusedSalt = """
        \(deleteSalt) AND NOT EXISTS (SELECT 1 FROM \(ofUser))
        """
    /// Deletes a chained page's entries.
    static let deleteAuditEntries = "DELETE FROM audit_trail WHERE app_id = ?1 AND sequence <= ?2 RETURNING user_id"

    /// The planner would not always choose the index.
    private static let ofUser = """
        audit_trail INDEXED BY audit_trail_user WHERE app_id = ?1 AND user_id = ?2 AND user_digest IS NULL
        """
    static let hasAuditOfUser = """
        SELECT 1 FROM \(ofUser) LIMIT 1
        """
    static let eraseAuditOfUser = """
        UPDATE audit_trail SET user_id = ?3, user_digest = ?4 WHERE app_id = ?1 AND sequence IN (\
        SELECT sequence FROM \(ofUser) LIMIT ?5)
        """
    /// All rows of a user, also those that a cut-off ended.
    static let selectSessionsOfUser = """
        SELECT session_handle FROM session_info WHERE app_id = ?1 AND user_id = ?2 LIMIT ?3
        """
    static let deleteActivity = "DELETE FROM user_last_active WHERE app_id = ?1 AND user_id = ?2"
    static let deleteCutOffsOfUser = "DELETE FROM cut_offs WHERE app_id = ?1 AND subject = ?2"
}

extension AuditPage {
    /// The values of `Statement.insertAuditPage` after `app_id`.
    var columns: [SQLiteValue] {
        [
            .integer(number), .integer(first), .integer(last), .integer(count), .integer(newestTime), .integer(madeAt),
            .text(marks), .text(entriesHash), .text(previous), .text(hash),
        ]
    }

    /// Reads the columns of `Statement.selectAuditPages`.
    init(row: SQLiteRow) {
        self.init(
            number: row.integer(0), first: row.integer(1), last: row.integer(2), count: row.integer(3),
            newestTime: row.integer(4), madeAt: row.integer(5), marks: row.text(6), entriesHash: row.text(7),
            previous: row.text(8), hash: row.text(9))
    }
}

extension ChainedEntry {
    /// Reads the columns of `Statement.selectChainedEntries`.
    init(row: SQLiteRow) {
        func text(_ column: Int32) -> String? { row.isNull(column) ? nil : row.text(column) }
        let user: User =
            switch (text(8), text(9)) {
            case (let shown?, let digest?): .erased(shown, digest: digest)
            case (let id?, nil): .known(id, salt: text(10))
            case (nil, _): .none
            }
        self.init(
            sequence: row.integer(0), time: row.integer(1), event: row.text(2), handle: row.text(3), tenant: text(4),
            actor: text(5), means: text(6), details: row.text(7), user: user)
    }
}
