import LibPQClient
import SessionEngine
import SessionStorage

/// The chain over the audit log, and the erasure of users (docs/decisions/0025); `$app` is the app.
extension Statements {
    private static let pageColumns = """
        page, first, last, count, newest_time, made_at, marks, entries_hash, previous, hash
        """

    /// Reads up to `$limit` pages after the number `$page`.
    var selectAuditPages: PostgresStatement {
        PostgresStatement(
            "selectAuditPages", .read,
            """
            SELECT \(Self.pageColumns) FROM \(tables.auditPages) WHERE app_id = $app AND page > $page ORDER BY page \
            LIMIT $limit
            """)
    }

    var selectNewestAuditPage: PostgresStatement {
        PostgresStatement(
            "selectNewestAuditPage", .read,
            """
            SELECT \(Self.pageColumns) FROM \(tables.auditPages) WHERE app_id = $app ORDER BY page DESC LIMIT 1
            """)
    }

    /// Reads the newest number that is visible, the number that the next transaction has, and that of the oldest one that
    /// has not ended.
    var selectChainHorizon: PostgresStatement {
        PostgresStatement(
            "selectChainHorizon", .read,
            """
            SELECT coalesce((SELECT max(sequence) FROM \(tables.auditLog) WHERE app_id = $app), 0), \
            pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint, \
            pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint
            """)
    }

    /// Adds a page, unless another process has added one.
    var insertAuditPage: PostgresStatement {
        PostgresStatement(
            "insertAuditPage", .write,
            """
            INSERT INTO \(tables.auditPages) (app_id, \(Self.pageColumns)) VALUES ($app, $page, $first, $last, $count, \
            $newestTime, $madeAt, $marks, $entriesHash, $previous, $hash) ON CONFLICT DO NOTHING
            """)
    }

    /// Makes the salts that up to `$limit` entries after the number `$start` and up to `$end` lack.
    var insertSalts: PostgresStatement {
        PostgresStatement(
            "insertSalts", .alone,
            """
            INSERT INTO \(tables.salts) (app_id, user_id, salt) \
            SELECT $app, user_id, gen_random_uuid()::text FROM (SELECT DISTINCT user_id FROM \
            (SELECT user_id, user_digest FROM \(tables.auditLog) WHERE app_id = $app AND sequence > $start \
            AND sequence <= $end ORDER BY sequence LIMIT $limit) AS recent \
            WHERE user_id IS NOT NULL AND user_digest IS NULL) AS users ORDER BY user_id ON CONFLICT DO NOTHING
            """)
    }

    /// Reads up to `$limit` entries after the number `$start` and up to `$end`, each with its user's salt.
    var selectChainedEntries: PostgresStatement {
        PostgresStatement(
            "selectChainedEntries", .read,
            """
            SELECT sequence, time, event, session_handle, tenant_id, actor, means, details, log.user_id, user_digest, salt \
            FROM \(tables.auditLog) AS log LEFT JOIN \(tables.salts) AS salts \
            ON salts.app_id = log.app_id AND salts.user_id = log.user_id \
            WHERE log.app_id = $app AND sequence > $start AND sequence <= $end ORDER BY sequence LIMIT $limit
            """)
    }

    var countChained: PostgresStatement {
        PostgresStatement(
            "countChained", .read,
            "SELECT coalesce(sum(count), 0)::bigint FROM \(tables.auditPages) WHERE app_id = $app")
    }

    /// Deletes a page with its entries and all before it; answers with their users, each with the number of entries.
    var deleteAuditPage: PostgresStatement {
        PostgresStatement(
            "deleteAuditPage", .alone,
            """
            WITH gone AS (DELETE FROM \(tables.auditPages) WHERE app_id = $app AND page = $page RETURNING last), \
            removed AS (DELETE FROM \(tables.auditLog) WHERE app_id = $app AND sequence <= (SELECT last FROM gone) \
            RETURNING user_id) SELECT user_id, count(*) FROM removed GROUP BY user_id
            """)
    }

    private var isUnusedSalt: String {
        """
        NOT EXISTS (SELECT 1 FROM \(tables.auditLog) AS log WHERE log.app_id = $app AND log.user_id = salts.user_id \
        AND log.user_digest IS NULL)
        """
    }

    /// Deletes the salts of `$users` that have no entries left.
    var deleteUnusedSalts: PostgresStatement {
        PostgresStatement(
            "deleteUnusedSalts", .alone,
            """
            DELETE FROM \(tables.salts) AS salts WHERE app_id = $app AND user_id = ANY ($users) AND \(isUnusedSalt)
            """)
    }

    /// Deletes up to `$limit` rows of `$user`, also those that a cut-off ended, with an audit event for each unless
    /// `$eventTime` is NULL.
    var eraseSessions: PostgresStatement {
        PostgresStatement(
            "eraseSessions", .alone,
            """
            WITH ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND user_id = $user \
            AND session_handle = ANY (ARRAY(SELECT session_handle FROM \(tables.sessions) \
            WHERE app_id = $app AND user_id = $user LIMIT $limit)) \
            RETURNING session_handle, tenant_id, user_id, created_at_time, \(QuotedTables.actorDetails) AS acting), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $eventTime, 'revoked', session_handle, tenant_id, user_id, acting, $eventActor, $eventMeans \
            FROM ended WHERE $eventTime IS NOT NULL \(Self.order)) SELECT count(*) FROM ended
            """)
    }

    /// Makes and reads the salt of `$user`, if an entry has the user's id.
    var insertSalt: PostgresStatement {
        PostgresStatement(
            "insertSalt", .alone,
            """
            INSERT INTO \(tables.salts) AS salts (app_id, user_id, salt) SELECT $app, $user, gen_random_uuid()::text \
            WHERE EXISTS (SELECT 1 FROM \(tables.auditLog) WHERE app_id = $app AND user_id = $user \
            AND user_digest IS NULL) ON CONFLICT (app_id, user_id) DO UPDATE SET salt = salts.salt RETURNING salts.salt
            """)
    }

    /// Gives up to `$limit` entries of `$user` the pseudonym and the digest.
    var eraseAuditEvents: PostgresStatement {
        PostgresStatement(
            "eraseAuditEvents", .alone,
            """
            UPDATE \(tables.auditLog) SET user_id = $pseudonym, user_digest = $digest WHERE app_id = $app \
            AND user_id = $user AND user_digest IS NULL AND sequence = ANY (ARRAY(SELECT sequence \
            FROM \(tables.auditLog) WHERE app_id = $app AND user_id = $user AND user_digest IS NULL LIMIT $limit))
            """)
    }

    /// Deletes what is left of `$user`; a cut-off that was made a moment ago is left to the sweep.
    var eraseRest: PostgresStatement {
        let settled = """
            (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint - \(CutOff.settlingTime.count)
            """
        return PostgresStatement(
            "eraseRest", .alone,
            """
            WITH seen AS (DELETE FROM \(tables.users) WHERE app_id = $app AND user_id = $user RETURNING 1), \
            ends AS (DELETE FROM \(tables.cutOffs) WHERE app_id = $app AND subject = $user AND made_at <= \(settled)), \
            salt AS (DELETE FROM \(tables.salts) AS salts WHERE app_id = $app AND user_id = $user AND \(isUnusedSalt)), \
            noted AS (UPDATE \(tables.revocations) SET kind = '\(RevocationRecord.erasedKind)', subject = $digest \
            WHERE app_id = $app AND kind = 'user' AND subject = $user) \
            SELECT count(*) FROM seen
            """)
    }
}

extension AuditPage {
    /// The values of `Statements.insertAuditPage`.
    var values: NamedValues {
        [
            "page": .integer(number), "first": .integer(first), "last": .integer(last), "count": .integer(count),
            "newestTime": .integer(newestTime), "madeAt": .integer(madeAt), "marks": .text(marks),
            "entriesHash": .text(entriesHash), "previous": .text(previous), "hash": .text(hash),
        ]
    }

    /// Reads the columns of `Statements.selectAuditPages`.
    init(row: PostgresRow) {
        self.init(
            number: row.integer(0), first: row.integer(1), last: row.integer(2), count: row.integer(3),
            newestTime: row.integer(4), madeAt: row.integer(5), marks: row.text(6), entriesHash: row.text(7),
            previous: row.text(8), hash: row.text(9))
    }
}

extension ChainedEntry {
    /// Reads the columns of `Statements.selectChainedEntries`.
    init(row: PostgresRow) {
        let user: User =
            switch (row.optionalText(8), row.optionalText(9)) {
            case (let shown?, let digest?): .erased(shown, digest: digest)
            case (let id?, nil): .known(id, salt: row.optionalText(10))
            case (nil, _): .none
            }
        self.init(
            sequence: row.integer(0), time: row.integer(1), event: row.text(2), handle: row.text(3),
            tenant: row.optionalText(4), actor: row.optionalText(5), means: row.optionalText(6), details: row.text(7),
            user: user)
    }
}
