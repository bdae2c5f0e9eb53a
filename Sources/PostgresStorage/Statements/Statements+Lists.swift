import Foundations
import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements about many sessions, about activity and the audit log; `$app` is the app.
extension Statements {
    static let order = "ORDER BY created_at_time, session_handle COLLATE \"C\""

    /// Deletes sessions, with an audit event for each unless `$eventTime` is NULL.
    private func revoking(
        _ name: String, where condition: String, returning columns: String = "",
        details: String = QuotedTables.endDetails
    ) -> PostgresStatement {
        PostgresStatement(
            name, .alone,
            """
            WITH ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND \(condition) \
            AND \(tables.isNotCutOff) RETURNING session_handle, tenant_id, user_id, created_at_time, \
            \(QuotedTables.actorDetails) AS acting\(columns)), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $eventTime, 'revoked', session_handle, tenant_id, user_id, \(details), $eventActor, $eventMeans \
            FROM ended WHERE $eventTime IS NOT NULL \(Self.order)) \
            SELECT session_handle FROM ended \(Self.order)
            """)
    }

    var deleteSessions: PostgresStatement { revoking("deleteSessions", where: "session_handle = ANY ($handles)") }

    var deleteSessionsOfUser: PostgresStatement {
        revoking(
            "deleteSessionsOfUser",
            where: "user_id = $user AND \(QuotedTables.isLive) AND ($tenant IS NULL OR tenant_id = $tenant)")
    }

    /// Deletes up to `$limit` sessions that are expired at `$now` in the pages from `$firstPage` to before `$endPage`, the
    /// cheapest way to look at rows that no index knows.
    ///
    /// A row that was refreshed meanwhile is another row version and stays.
    var deleteExpiredSessions: PostgresStatement {
        revoking(
            "deleteExpiredSessions",
            where: """
                ctid = ANY (ARRAY(SELECT ctid FROM \(tables.sessions) WHERE app_id = $app AND NOT \(QuotedTables.isLive) \
                AND \(tables.isNotCutOff) AND ctid >= format('(%s,0)', $firstPage)::tid \
                AND ctid < format('(%s,0)', $endPage)::tid LIMIT $limit)) AND NOT \(QuotedTables.isLive)
                """,
            returning: """
                , expires_at, \(Self.absoluteEnd) AS absolute_end, \(Self.absoluteLimit) AS absolute_span, \
                \(Self.idleLimit) AS idle_span
                """,
            details: """
                format('%s"reason":"%s","endedAt":%s%s}', \
                CASE acting WHEN '{}' THEN '{' ELSE left(acting, -1) || ',' END, CASE WHEN absolute_end <= expires_at THEN 'absolute' \
                WHEN idle_span < $validity THEN 'idle' ELSE 'validity' END, least(absolute_end, expires_at), \
                ',"milliseconds":' || CASE WHEN absolute_end <= expires_at THEN absolute_span \
                WHEN idle_span < $validity THEN idle_span END)
                """)
    }

    /// When a row reaches an absolute limit, as the engine's `expiry(within:)` has it; NULL without one.
    ///
    /// A sum beyond 64 bits is never reached.
    private static let absoluteEnd = """
        CASE WHEN \(absoluteLimit) IS NOT NULL THEN least(coalesce(tessera_authenticated_at, created_at_time)::numeric \
        + \(absoluteLimit), \(Int64.max))::bigint END
        """
    /// The absolute limit of a row; NULL without one.
    private static let absoluteLimit = """
        least(CASE WHEN tessera_absolute_limit IS NOT NULL THEN greatest(tessera_absolute_limit, 0) END, \
        CASE WHEN coalesce(tessera_flags, 0) & 1 = 1 THEN $rememberedAbsolute ELSE $normalAbsolute END)
        """
    /// The idle limit of a row; NULL without one.
    private static let idleLimit = """
        least(CASE WHEN tessera_idle_limit IS NOT NULL THEN greatest(tessera_idle_limit, 0) END, \
        CASE WHEN coalesce(tessera_flags, 0) & 1 = 1 THEN $rememberedIdle ELSE $normalIdle END, \
        CASE WHEN coalesce(tessera_flags, 0) & 2 = 2 THEN $anonymousIdle END)
        """

    /// Counts the pages of the sessions.
    var countPages: PostgresStatement {
        let name = tables.sessions.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        return PostgresStatement(
            "countPages", .read,
            """
            SELECT pg_catalog.pg_relation_size('\(name)'::regclass) / \
            pg_catalog.current_setting('block_size')::bigint
            """)
    }

    /// The living sessions of `$user`, on all pages but the first those before a place, the newest first, without their data, in the order of
    /// `SessionRecord.init(row:)`.
    func pageOfSessions(isFirst: Bool) -> PostgresStatement {
        PostgresStatement(
            isFirst ? "firstPageOfSessions" : "nextPageOfSessions", .read,
            """
            SELECT session_handle, tenant_id, user_id, refresh_token_hash_2, '{}', '{}', created_at_time, expires_at, \
            use_static_key, prev_refresh_token_hash_2, refresh_token_rotated_at, tessera_sharing, tessera_generation, \
            NULL, NULL, NULL, \(QuotedTables.traitColumns) FROM \(tables.sessions) \
            WHERE app_id = $app AND user_id = $user AND \(QuotedTables.isLive) AND \(tables.isNotCutOff) \
            AND ($tenant IS NULL OR tenant_id = $tenant) \
            \(isFirst ? "" : "AND (created_at_time, session_handle COLLATE \"C\") < ($lastCreated, $lastHandle) ")\
            ORDER BY created_at_time DESC, session_handle COLLATE "C" DESC LIMIT $limit
            """)
    }

    /// Forgets the devices of up to `$limit` sessions of `$user`; a rotation that has read one is decided again.
    var forgetDevices: PostgresStatement {
        PostgresStatement(
            "forgetDevices", .alone,
            """
            UPDATE \(tables.sessions) SET tessera_device = NULL, tessera_version = tessera_version + 1 \
            WHERE app_id = $app AND session_handle IN (SELECT session_handle FROM \(tables.sessions) \
            WHERE app_id = $app AND user_id = $user AND tessera_device IS NOT NULL LIMIT $limit)
            """)
    }

    /// Acquires or renews the lease of `$node` for `$job`, for `$milliseconds` by the database's own clock.
    var acquireLease: PostgresStatement {
        let now = "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint"
        return PostgresStatement(
            "acquireLease", .write,
            """
            INSERT INTO \(tables.values) AS held (app_id, tenant_id, name, value, created_at_time) \
            VALUES ('public', 'public', $job, $node, \(now) + $milliseconds) \
            ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value, \
            created_at_time = excluded.created_at_time \
            WHERE held.value = excluded.value OR held.created_at_time < \(now)
            """)
    }

    var noteActivity: PostgresStatement {
        PostgresStatement(
            "noteActivity", .alone,
            """
            INSERT INTO \(tables.users) AS known (app_id, user_id, last_active_time) \
            SELECT $app, seen.id, seen.time FROM unnest($users, $times) AS seen (id, time) \
            WHERE EXISTS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app) ORDER BY seen.id \
            ON CONFLICT (app_id, user_id) DO UPDATE \
            SET last_active_time = greatest(known.last_active_time, excluded.last_active_time)
            """)
    }

    var countActiveUsers: PostgresStatement {
        PostgresStatement(
            "countActiveUsers", .read,
            "SELECT count(*) FROM \(tables.users) WHERE app_id = $app AND last_active_time >= $since")
    }
}
