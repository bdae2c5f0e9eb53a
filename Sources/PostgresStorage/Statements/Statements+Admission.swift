import LibPQClient
import SessionEngine
import SessionStorage

/// Sessions of users whose number of sessions is limited (docs/decisions/0040).
extension Statements {
    /// Makes all creations of one user wait for one another until the transaction ends.
    ///
    /// It is a statement of its own: one that took the lock and counted would count what it saw before it waited.
    var lockUser: PostgresStatement {
        PostgresStatement(
            "lockUser", .alone,
            """
            SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(\
            pg_catalog.concat($app, pg_catalog.chr(31), $user), 0))
            """)
    }

    /// Inserts a session if its tenant exists and its user may have another, ends what has to end for it, and writes the event
    /// of each unless `$event` is NULL, in one step; ``lockUser`` comes before it in the same transaction.
    ///
    /// Where `$predecessor` is not NULL nothing happens unless that row is there as it was read.
    ///
    /// Each row says how many sessions counted, whether the session was inserted, and one handle: of a session that ended,
    /// or of one that counted where none was inserted.
    var admitSession: PostgresStatement {
        PostgresStatement(
            "admitSession", .alone,
            """
            WITH place AS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app AND tenant_id = $tenant OR NOT $checksTenant \
            LIMIT 1), \
            live AS (SELECT session_handle, tenant_id, \
            CASE WHEN $isByUse THEN greatest(created_at_time, refresh_token_rotated_at) ELSE created_at_time END AS rank, \
            session_handle IS NOT DISTINCT FROM $replaced AND coalesce(tessera_flags, 0) \
            & \(SessionTraits.Flags.impersonated.rawValue) = 0 AS is_replaced, \
            coalesce(tessera_flags, 0) & \(SessionAdmission.uncounted.rawValue) = 0 \
            AND ($scopeTenant IS NULL OR tenant_id = $scopeTenant) AS counts \
            FROM \(tables.sessions) WHERE app_id = $app AND user_id = $user AND \(QuotedTables.isLive) \
            AND \(tables.isNotCutOff)), \
            counted AS (SELECT *, row_number() OVER (ORDER BY rank, session_handle COLLATE "C") AS place, \
            count(*) OVER () AS total FROM live WHERE counts AND NOT is_replaced AND $limit IS NOT NULL), \
            full_house AS (SELECT 1 FROM counted WHERE $refuses AND total >= $limit LIMIT 1), \
            doomed AS (SELECT session_handle FROM counted WHERE place <= total - $limit + 1 \
            UNION SELECT session_handle FROM live WHERE is_replaced), \
            open_house AS (SELECT 1 FROM place WHERE NOT EXISTS (SELECT 1 FROM full_house)), \
            predecessor AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND session_handle = $predecessor \
            AND tessera_version = $version AND refresh_token_hash_2 = $readHash AND \(tables.isNotCutOff) \
            AND EXISTS (SELECT 1 FROM open_house) RETURNING session_handle, tenant_id, user_id), \
            leave AS (SELECT 1 FROM open_house WHERE $predecessor IS NULL OR EXISTS (SELECT 1 FROM predecessor)), \
            ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app \
            AND session_handle IN (SELECT session_handle FROM doomed) AND user_id = $user \
            AND EXISTS (SELECT 1 FROM leave) RETURNING session_handle, tenant_id, user_id), \
            written AS (\(tables.insertion) SELECT \(tables.insertedValues) FROM leave RETURNING session_handle), \
            events AS (SELECT 0 AS rank, $event AS event, $handle AS handle, $tenant AS tenant, $user AS owner, \
            $eventDetails AS details, \
            CAST(NULL AS text) AS actor, CAST(NULL AS text) AS means FROM written \
            UNION ALL SELECT 1, 'revoked', session_handle, tenant_id, user_id, $replacedDetails, \
            '\(AuditActor.core.rawValue)', '\(Revocation.Means.replaced.rawValue)' FROM predecessor \
            UNION ALL SELECT 1, 'revoked', session_handle, tenant_id, $user, \
            CASE WHEN session_handle IS NOT DISTINCT FROM $replaced THEN $replacedDetails ELSE $limitDetails END, \
            '\(AuditActor.core.rawValue)', CASE WHEN session_handle IS NOT DISTINCT FROM $replaced \
            THEN '\(Revocation.Means.replaced.rawValue)' ELSE '\(Revocation.Means.limit.rawValue)' END FROM ended \
            UNION ALL SELECT 2, '\(AuditEvent.Name.refused.rawValue)', '', $tenant, $user, \
            format('{"limit":%s,"count":%s}', $limit, (SELECT max(total) FROM counted)), \
            '\(AuditActor.core.rawValue)', NULL FROM full_house, place), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $created, event, handle, tenant, owner, details, actor, means FROM events \
            WHERE $event IS NOT NULL ORDER BY rank, handle) \
            SELECT EXISTS (SELECT 1 FROM place), EXISTS (SELECT 1 FROM written), session_handle FROM predecessor \
            UNION ALL SELECT EXISTS (SELECT 1 FROM place), EXISTS (SELECT 1 FROM written), session_handle FROM ended \
            UNION ALL SELECT EXISTS (SELECT 1 FROM place), false, session_handle FROM counted \
            WHERE EXISTS (SELECT 1 FROM full_house) \
            UNION ALL SELECT EXISTS (SELECT 1 FROM place), EXISTS (SELECT 1 FROM written), NULL
            """)
    }
}
