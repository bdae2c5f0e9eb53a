import SessionEngine
import SessionStorage

/// Cut-offs: the mass ends that reads, writes and lists of sessions test in their statements (docs/decisions/0022).
///
/// In all of these `?1` is the app.
extension Statement {
    /// Whether a row of `session_info` was ended by no cut-off.
    static let isNotCutOff = """
        NOT EXISTS (SELECT 1 FROM cut_offs WHERE app_id = ?1 AND kind = 'user' AND subject = user_id AND tenant = '' \
        AND time >= created_at_time) \
        AND NOT EXISTS (SELECT 1 FROM cut_offs WHERE app_id = ?1 AND kind = 'user_in_tenant' AND subject = user_id \
        AND tenant = tenant_id AND time >= created_at_time)
        """

    /// When a session is stored as created: after the cut-offs of its user, whatever its record says.
    static func creation(at time: String, user: String, tenant: String) -> String {
        """
        max(\(time), \
        coalesce((SELECT max(time) + 1 FROM cut_offs WHERE app_id = ?1 AND kind = 'user' AND subject = \(user) \
        AND tenant = ''), \(time)), \
        coalesce((SELECT max(time) + 1 FROM cut_offs WHERE app_id = ?1 AND kind = 'user_in_tenant' AND subject = \(user) \
        AND tenant = \(tenant)), \(time)))
        """
    }

    static let countSessionsOfUser = """
        SELECT count(*) FROM (SELECT 1 FROM session_info WHERE app_id = ?1 AND user_id = ?2 LIMIT ?3)
        """
    static let selectNewestOfUser = """
        SELECT created_at_time FROM session_info WHERE app_id = ?1 AND user_id = ?2 ORDER BY created_at_time DESC LIMIT 1
        """

    private static let key = "app_id = ?1 AND kind = ?2 AND subject = ?3 AND tenant = ?4"
    static let selectCutOffTime = "SELECT time FROM cut_offs WHERE \(key) ORDER BY time DESC LIMIT 1"
    static let storeCutOff = """
        INSERT INTO cut_offs (app_id, kind, subject, tenant, time, made_at, ended_by) VALUES (?,?,?,?,?,?,?)
        """
    /// A row that names no user or tenant as ours do is passed over: it ends nothing and could never be finished.
    static let selectDueCutOff = """
        SELECT kind, subject, tenant, time, made_at, ended_by FROM cut_offs WHERE app_id = ?1 AND made_at <= ?2 \
        AND (kind = 'user' AND tenant = '' OR kind = 'user_in_tenant' AND tenant <> '') ORDER BY made_at, time LIMIT 1
        """
    static let deleteCutOff = "DELETE FROM cut_offs WHERE \(key) AND time = ?5"

    /// Handles of rows that a cut-off ended.
    static let selectCutOffHandles = """
        SELECT session_handle FROM session_info WHERE app_id = ?1 AND user_id = ?2 AND created_at_time <= ?3 \
        AND (?4 IS NULL OR tenant_id = ?4) ORDER BY created_at_time, session_handle LIMIT ?5
        """
    static let deleteCutOffSession = """
        DELETE FROM session_info WHERE app_id = ?1 AND session_handle = ?2 \
        RETURNING tenant_id, user_id, \(ActorColumn.details()), expires_at
        """

    /// A page of a user's rows, the oldest first, each with whether it is meant.
    ///
    /// The limit counts all rows, so that a page is the same work whatever is meant.
    private static func page(meant: String, of rows: String = "", isFirst: Bool) -> String {
        """
        SELECT session_handle, created_at_time, \(isLive) AND (?6 IS NULL OR tenant_id = ?6) AND \(meant) \
        FROM session_info WHERE app_id = ?1 AND user_id = ?2 \
        \(isFirst ? "" : "AND (created_at_time, session_handle) > (?7, ?8) ")\(rows)\
        ORDER BY created_at_time, session_handle LIMIT \(HandleList.pageSize)
        """
    }

    static let firstPageOfLive = page(meant: isNotCutOff, isFirst: true)
    static let nextPageOfLive = page(meant: isNotCutOff, isFirst: false)

    /// Rows that a cut-off ended: created after `?10`, where the one before it ends, and up to `?9`, and by no cut-off of
    /// the other kind `?12` that was made by `?11`.
    private static let isEndedHere = """
        (?10 IS NULL OR created_at_time > ?10) AND NOT EXISTS (SELECT 1 FROM cut_offs WHERE app_id = ?1 AND kind = ?12 \
        AND subject = user_id AND tenant = CASE kind WHEN 'user' THEN '' ELSE tenant_id END AND time >= created_at_time \
        AND made_at <= ?11)
        """
    private static let upToTheEnd = "AND created_at_time <= ?9 "
    static let firstPageOfEnded = page(meant: isEndedHere, of: upToTheEnd, isFirst: true)
    static let nextPageOfEnded = page(meant: isEndedHere, of: upToTheEnd, isFirst: false)
}

extension CutOff {
    /// Reads the columns of `Statement.selectDueCutOff`.
    init(row: SQLiteRow) {
        self.init(
            Scope(kind: row.text(0), subject: row.text(1), tenant: row.text(2)),
            upTo: Timestamp(milliseconds: row.integer(3)), madeAt: Timestamp(milliseconds: row.integer(4)),
            by: row.isNull(5) ? nil : AuditActor(rawValue: row.text(5)) ?? .driver)
    }
}

extension CutOff.Scope {
    /// The values of its key after `app_id`.
    var columns: [SQLiteValue] { [.text(kind), .text(user.rawValue), .text(tenantText)] }
}
