#if PostgreSQL
    import SessionEngine
    import SessionStorage

    /// Cut-offs: the mass ends that reads, writes and lists of sessions test in their statements (docs/decisions/0022).
    ///
    /// In all of these `$1` is the app.
    extension Statements {
        /// Whether a row of sessions was ended by no cut-off.
        static func isNotCutOff(_ cutOffs: String) -> String {
            """
            NOT EXISTS (SELECT 1 FROM \(cutOffs) WHERE app_id = $1 AND kind = 'user' AND subject = user_id \
            AND tenant = '' AND time >= created_at_time) \
            AND NOT EXISTS (SELECT 1 FROM \(cutOffs) WHERE app_id = $1 AND kind = 'user_in_tenant' \
            AND subject = user_id AND tenant = tenant_id AND time >= created_at_time)
            """
        }

        /// When a session is stored as created: after the cut-offs of its user `$4` and tenant `$3`, whatever its record
        /// says in `$8`.
        static func creation(_ cutOffs: String) -> String {
            """
            greatest($8, \
            (SELECT max(time) + 1 FROM \(cutOffs) WHERE app_id = $1 AND kind = 'user' AND subject = $4 AND tenant = ''), \
            (SELECT max(time) + 1 FROM \(cutOffs) WHERE app_id = $1 AND kind = 'user_in_tenant' AND subject = $4 \
            AND tenant = $3))
            """
        }

        /// How many rows of a user there are, up to `$3`.
        var countSessionsOfUser: PostgresStatement {
            PostgresStatement(
                "countSessionsOfUser", .read,
                """
                SELECT count(*) FROM (SELECT 1 FROM \(sessions) WHERE app_id = $1 AND user_id = $2 LIMIT $3) AS found
                """)
        }

        /// Stores a cut-off, unless one that is there has ended all of the user's sessions, and says so in the audit log,
        /// unless `$7` is no cause: `$2` to `$4` its key, `$5` the time, `$6` the time of the event, `$8` its tenant.
        var storeCutOff: PostgresStatement {
            PostgresStatement(
                "storeCutOff", .alone,
                """
                WITH newest AS (SELECT max(created_at_time) AS created FROM \(sessions) \
                WHERE app_id = $1 AND user_id = $3), \
                old AS (SELECT max(time) AS time FROM \(cutOffs) \
                WHERE app_id = $1 AND kind = $2 AND subject = $3 AND tenant = $4), \
                made AS (INSERT INTO \(cutOffs) (app_id, kind, subject, tenant, time, made_at, ended_by) \
                SELECT $1, $2, $3, $4, least(greatest($5, created), \(Int64.max - 1)), $6, $7 FROM newest, old \
                WHERE created IS NOT NULL AND (old.time IS NULL OR created > old.time) \
                ON CONFLICT DO NOTHING RETURNING time), \
                told AS (INSERT INTO \(trail) (app_id, \(Self.told)) \
                SELECT $1, $6, '\(AuditEvent.Name.revokedAll.rawValue)', '', $8, $3, \
                format('{"by":"%s","createdUpTo":%s}', $7, time) FROM made WHERE $7 IS NOT NULL) \
                SELECT time, (SELECT time FROM old) FROM made
                """)
        }

        var selectDueCutOff: PostgresStatement {
            PostgresStatement(
                "selectDueCutOff", .read,
                """
                SELECT kind, subject, tenant, time, made_at, ended_by FROM \(cutOffs) \
                WHERE app_id = $1 AND made_at <= $2 ORDER BY made_at, time LIMIT 1
                """)
        }

        private static let endedRows = """
            app_id = $1 AND user_id = $2 AND created_at_time <= $3 AND ($4 IS NULL OR tenant_id = $4)
            """

        /// Deletes up to `$5` rows that a cut-off ended, with an event for each unless `$7` is none; `$8` are the details
        /// of those that had expired by then, at `$6`.
        var sweepCutOff: PostgresStatement {
            PostgresStatement(
                "sweepCutOff", .alone,
                """
                WITH ended AS (DELETE FROM \(sessions) WHERE app_id = $1 AND created_at_time <= $3 \
                AND session_handle = ANY (ARRAY(SELECT session_handle FROM \(sessions) WHERE \(Self.endedRows) \
                ORDER BY created_at_time LIMIT $5)) \
                RETURNING session_handle, tenant_id, user_id, created_at_time, expires_at), \
                told AS (INSERT INTO \(trail) (app_id, \(Self.told)) \
                SELECT $1, $6, 'revoked', session_handle, tenant_id, user_id, \
                CASE WHEN expires_at <= $6 THEN $8 ELSE $7 END FROM ended WHERE $7 IS NOT NULL \
                ORDER BY created_at_time, session_handle) \
                SELECT count(*) FROM ended
                """)
        }

        /// Deletes a cut-off that has no rows left: `$2` to `$4` are its user, its time and its tenant as the rows have
        /// them, `$5` and `$6` its kind and its tenant.
        var deleteCutOff: PostgresStatement {
            PostgresStatement(
                "deleteCutOff", .alone,
                """
                DELETE FROM \(cutOffs) WHERE app_id = $1 AND kind = $5 AND subject = $2 AND tenant = $6 AND time = $3 \
                AND NOT EXISTS (SELECT 1 FROM \(sessions) WHERE \(Self.endedRows))
                """)
        }

        /// A page of a user's rows, the oldest first, each with whether it is meant.
        ///
        /// The limit counts all rows, so that a page is the same work whatever is meant.
        private func page(_ name: String, meant: String, of rows: String = "", isFirst: Bool) -> PostgresStatement {
            let place =
                isFirst
                ? ""
                : "AND created_at_time >= $5 AND (created_at_time, session_handle COLLATE \"C\") > ($5, $6 COLLATE \"C\") "
            return PostgresStatement(
                (isFirst ? "first" : "next") + name, .read,
                """
                SELECT session_handle, created_at_time, \
                expires_at > $3 AND ($4 IS NULL OR tenant_id = $4) AND \(meant) FROM \(sessions) \
                WHERE app_id = $1 AND user_id = $2 \(place)\(rows)\(Self.order) LIMIT \(HandleList.pageSize)
                """)
        }

        func pageOfLive(isFirst: Bool) -> PostgresStatement {
            page("PageOfLive", meant: Self.isNotCutOff(cutOffs), isFirst: isFirst)
        }

        /// Rows that a cut-off ended: created after `$8`, where the one before it ends, and up to `$7`, and by no
        /// cut-off of the other kind `$10` that was made by `$9`.
        func pageOfEnded(isFirst: Bool) -> PostgresStatement {
            let meant = """
                ($8 IS NULL OR created_at_time > $8) AND NOT EXISTS (SELECT 1 FROM \(cutOffs) WHERE app_id = $1 AND kind = $10 \
                AND subject = user_id AND tenant = CASE kind WHEN 'user' THEN '' ELSE tenant_id END \
                AND time >= created_at_time AND made_at <= $9)
                """
            // Each parameter has to be named for PostgreSQL to take it.
            let unused = isFirst ? "AND ($5::bigint IS NULL AND $6::text IS NULL) " : ""
            return page(
                "PageOfEnded", meant: meant, of: "AND created_at_time <= $7 \(unused)", isFirst: isFirst)
        }
    }

    extension CutOff {
        /// Reads the columns of `Statements.selectDueCutOff`.
        init(row: PostgresRow) {
            self.init(
                Scope(kind: row.text(0), subject: row.text(1), tenant: row.text(2)),
                upTo: Timestamp(milliseconds: row.integer(3)), madeAt: Timestamp(milliseconds: row.integer(4)),
                by: row.optionalText(5).map { Revocation.Cause(rawValue: $0) ?? .admin })
        }
    }
#endif
