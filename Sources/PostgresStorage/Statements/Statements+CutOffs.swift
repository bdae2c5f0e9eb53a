import Foundations
import LibPQClient
import SessionEngine
import SessionStorage

extension QuotedTables {
    /// Whether no cut-off ended a row of sessions (docs/decisions/0022).
    var isNotCutOff: String {
        """
        NOT EXISTS (SELECT 1 FROM \(cutOffs) WHERE app_id = $app AND kind = 'user' AND subject = user_id \
        AND tenant = '' AND time >= created_at_time) \
        AND NOT EXISTS (SELECT 1 FROM \(cutOffs) WHERE app_id = $app AND kind = 'user_in_tenant' \
        AND subject = user_id AND tenant = tenant_id AND time >= created_at_time)
        """
    }

    /// The creation time that is stored: after the cut-offs of `$user` and `$tenant`, whatever `$created` is.
    var creation: String {
        """
        greatest($created, \
        (SELECT max(time) + 1 FROM \(cutOffs) WHERE app_id = $app AND kind = 'user' AND subject = $user AND tenant = ''), \
        (SELECT max(time) + 1 FROM \(cutOffs) WHERE app_id = $app AND kind = 'user_in_tenant' AND subject = $user \
        AND tenant = $tenant))
        """
    }
}

/// Cut-offs: mass revocations that reads, writes and lists of sessions test in their statements (docs/decisions/0022).
///
/// `$app` is the app. A cut-off is named by `$kind`, `$user` and `$scopeTenant`; `$tenant` is its tenant as the rows of
/// sessions have it, NULL for all.
extension Statements {
    /// Counts the rows of a user, up to `$limit`.
    var countSessionsOfUser: PostgresStatement {
        PostgresStatement(
            "countSessionsOfUser", .read,
            """
            SELECT count(*) FROM (SELECT 1 FROM \(tables.sessions) WHERE app_id = $app AND user_id = $user \
            LIMIT $limit) AS found
            """)
    }

    /// Stores a cut-off at `$time`, unless one that is there has ended all of the user's sessions, with an audit event at
    /// `$madeAt` unless `$actor` is NULL; `$note` is put behind the first of its details.
    var storeCutOff: PostgresStatement {
        PostgresStatement(
            "storeCutOff", .alone,
            """
            WITH newest AS (SELECT max(created_at_time) AS created FROM \(tables.sessions) \
            WHERE app_id = $app AND user_id = $user), \
            old AS (SELECT max(time) AS time FROM \(tables.cutOffs) \
            WHERE app_id = $app AND kind = $kind AND subject = $user AND tenant = $scopeTenant), \
            made AS (INSERT INTO \(tables.cutOffs) (app_id, kind, subject, tenant, time, made_at, ended_by) \
            SELECT $app, $kind, $user, $scopeTenant, least(greatest($time, created), \(Int64.max - 1)), $madeAt, $actor \
            FROM newest, old WHERE created IS NOT NULL AND (old.time IS NULL OR created > old.time) \
            ON CONFLICT DO NOTHING RETURNING time), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $madeAt, '\(AuditEvent.Name.revokedAll.rawValue)', '', $tenant, $user, \
            format('{"createdUpTo":%s%s}', time, $note::text), $actor, '\(Revocation.Means.all.rawValue)' FROM made \
            WHERE $actor IS NOT NULL) \
            SELECT time, (SELECT time FROM old) FROM made
            """)
    }

    /// Reads the oldest cut-off that was made by `$due`.
    ///
    /// A row that names no user or tenant as ours do is passed over: it ends nothing and could never be finished.
    var selectDueCutOff: PostgresStatement {
        PostgresStatement(
            "selectDueCutOff", .read,
            """
            SELECT kind, subject, tenant, time, made_at, ended_by FROM \(tables.cutOffs) \
            WHERE app_id = $app AND made_at <= $due \
            AND (kind = 'user' AND tenant = '' OR kind = 'user_in_tenant' AND tenant <> '') ORDER BY made_at, time LIMIT 1
            """)
    }

    private static let endedRows = """
        app_id = $app AND user_id = $user AND created_at_time <= $time AND ($tenant IS NULL OR tenant_id = $tenant)
        """

    /// Deletes up to `$limit` rows that a cut-off ended, with an audit event for each unless `$actor` is NULL;
    /// rows that had expired when it was made were not revoked.
    var sweepCutOff: PostgresStatement {
        PostgresStatement(
            "sweepCutOff", .alone,
            """
            WITH ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND created_at_time <= $time \
            AND session_handle = ANY (ARRAY(SELECT session_handle FROM \(tables.sessions) WHERE \(Self.endedRows) \
            ORDER BY created_at_time LIMIT $limit)) \
            RETURNING session_handle, tenant_id, user_id, created_at_time, expires_at, \(QuotedTables.actorDetails) AS acting), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $madeAt, 'revoked', session_handle, tenant_id, user_id, \
            acting, CASE WHEN expires_at <= $madeAt THEN '\(AuditActor.core.rawValue)' ELSE $actor END, \
            CASE WHEN expires_at <= $madeAt THEN '\(Revocation.Means.expiry.rawValue)' \
            ELSE '\(Revocation.Means.all.rawValue)' END FROM ended WHERE $actor IS NOT NULL ORDER BY created_at_time, session_handle) \
            SELECT count(*) FROM ended
            """)
    }

    /// Deletes a cut-off that has no rows left.
    var deleteCutOff: PostgresStatement {
        PostgresStatement(
            "deleteCutOff", .alone,
            """
            DELETE FROM \(tables.cutOffs) WHERE app_id = $app AND kind = $kind AND subject = $user \
            AND tenant = $scopeTenant AND time = $time \
            AND NOT EXISTS (SELECT 1 FROM \(tables.sessions) WHERE \(Self.endedRows))
            """)
    }

    /// A page of the rows of `$user`, the oldest first, each with whether it is meant and alive at `$now`.
    ///
    /// The limit counts all rows, so that a page is the same work whatever is meant. It begins after the row that was
    /// created at `$lastCreated` and has the handle `$lastHandle`.
    private func page(_ name: String, meant: String, of rows: String = "", isFirst: Bool) -> PostgresStatement {
        let start = """
            AND created_at_time >= $lastCreated \
            AND (created_at_time, session_handle COLLATE "C") > ($lastCreated, $lastHandle COLLATE "C")
            """
        return PostgresStatement(
            (isFirst ? "first" : "next") + name, .read,
            """
            SELECT session_handle, created_at_time, \
            \(QuotedTables.isLive) AND ($tenant IS NULL OR tenant_id = $tenant) AND \(meant) FROM \(tables.sessions) \
            WHERE app_id = $app AND user_id = $user \(isFirst ? "" : start) \(rows) \(Self.order) \
            LIMIT \(HandleList.pageSize)
            """)
    }

    /// Rows that are not cut off.
    func pageOfLive(isFirst: Bool) -> PostgresStatement {
        page("PageOfLive", meant: tables.isNotCutOff, isFirst: isFirst)
    }

    /// Rows that a cut-off ended: created after `$previousTime`, where the one before it ends, and up to `$time`, and by
    /// no cut-off of `$otherKind` that was made by `$madeAt`.
    func pageOfEnded(isFirst: Bool) -> PostgresStatement {
        page(
            "PageOfEnded",
            meant: """
                ($previousTime IS NULL OR created_at_time > $previousTime) \
                AND NOT EXISTS (SELECT 1 FROM \(tables.cutOffs) WHERE app_id = $app AND kind = $otherKind \
                AND subject = user_id AND tenant = CASE kind WHEN 'user' THEN '' ELSE tenant_id END \
                AND time >= created_at_time AND made_at <= $madeAt)
                """,
            of: "AND created_at_time <= $time", isFirst: isFirst)
    }
}

extension CutOff {
    /// Reads the columns of `Statements.selectDueCutOff`.
    init(row: PostgresRow) {
        self.init(
            Scope(kind: row.text(0), subject: row.text(1), tenant: row.text(2)),
            upTo: Timestamp(milliseconds: row.integer(3)), madeAt: Timestamp(milliseconds: row.integer(4)),
            by: row.optionalText(5).map { AuditActor(rawValue: $0) ?? .driver })
    }
}

extension CutOff.Scope {
    /// The values that name a cut-off, and its tenant.
    var values: NamedValues {
        [
            "kind": .text(kind), "user": .text(user.rawValue), "scopeTenant": .text(tenantText),
            "tenant": .text(tenant?.rawValue),
        ]
    }
}
