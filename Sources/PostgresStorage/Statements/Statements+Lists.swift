#if PostgreSQL
    import LosslessJSON
    import SessionEngine
    import SessionStorage

    extension Statements {
        static let order = "ORDER BY created_at_time, session_handle COLLATE \"C\""

        /// Deletes sessions and writes an entry of the trail for each, unless `$3` is no time.
        private func ending(_ name: String, where condition: String) -> PostgresStatement {
            PostgresStatement(
                name, .alone,
                """
                WITH ended AS (DELETE FROM \(sessions) WHERE app_id = $1 AND \(condition) AND \(Self.isNotCutOff(cutOffs)) \
                RETURNING session_handle, tenant_id, user_id, created_at_time), \
                told AS (INSERT INTO \(trail) (app_id, \(Self.told)) \
                SELECT $1, $3, 'revoked', session_handle, tenant_id, user_id, $4 FROM ended \
                WHERE $3 IS NOT NULL \(Self.order)) \
                SELECT session_handle FROM ended \(Self.order)
                """)
        }

        var deleteSessions: PostgresStatement { ending("deleteSessions", where: "session_handle = ANY ($2)") }

        var deleteSessionsOfUser: PostgresStatement {
            ending(
                "deleteSessionsOfUser",
                where: "user_id = $2 AND expires_at > $5 AND ($6 IS NULL OR tenant_id = $6)")
        }

        /// Deletes ended sessions in a range of pages, the cheapest way to look at rows that no index knows: `$2` is the
        /// time, `$5` and `$6` the first page and the page after the last, `$7` how many.
        ///
        /// A row that was refreshed meanwhile is another row version and stays.
        var deleteExpiredSessions: PostgresStatement {
            ending(
                "deleteExpiredSessions",
                where: """
                    ctid = ANY (ARRAY(SELECT ctid FROM \(sessions) WHERE app_id = $1 AND expires_at <= $2 \
                    AND \(Self.isNotCutOff(cutOffs)) \
                    AND ctid >= format('(%s,0)', $5)::tid AND ctid < format('(%s,0)', $6)::tid LIMIT $7)) \
                    AND expires_at <= $2
                    """)
        }

        /// How many pages the sessions have.
        var countPages: PostgresStatement {
            PostgresStatement(
                "countPages", .read,
                """
                SELECT pg_catalog.pg_relation_size('\(sessions.split(separator: "'").joined(separator: "''"))'::regclass) / \
                pg_catalog.current_setting('block_size')::bigint
                """)
        }

        /// Takes the turn at a job for a while, or renews it: `$1` the job, `$2` this process, `$3` for how many
        /// milliseconds.
        ///
        /// The database's own clock decides.
        var takeTurn: PostgresStatement {
            let now = "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint"
            return PostgresStatement(
                "takeTurn", .write,
                """
                INSERT INTO \(values) AS held (app_id, tenant_id, name, value, created_at_time) \
                VALUES ('public', 'public', $1, $2, \(now) + $3) \
                ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value, \
                created_at_time = excluded.created_at_time \
                WHERE held.value = excluded.value OR held.created_at_time < \(now)
                """)
        }

        var noteActivity: PostgresStatement {
            PostgresStatement(
                "noteActivity", .alone,
                """
                INSERT INTO \(users) AS known (app_id, user_id, last_active_time) \
                SELECT $1, seen.id, seen.time FROM unnest($2, $3) AS seen (id, time) \
                WHERE EXISTS (SELECT 1 FROM \(tenants) WHERE app_id = $1) ORDER BY seen.id \
                ON CONFLICT (app_id, user_id) DO UPDATE \
                SET last_active_time = greatest(known.last_active_time, excluded.last_active_time)
                """)
        }

        var countActiveUsers: PostgresStatement {
            PostgresStatement(
                "countActiveUsers", .read,
                "SELECT count(*) FROM \(users) WHERE app_id = $1 AND last_active_time >= $2")
        }

        /// A page of entries that match the values of some columns, beginning at the number `$2`.
        ///
        /// Each of these columns has an index in the order of the numbers.
        func selectTrail(matching columns: [String], newestFirst: Bool) -> PostgresStatement {
            let conditions = columns.enumerated().map { " AND \($1) = $\($0 + 3)" }.joined()
            let name = ["select", newestFirst ? "newest" : "oldest"] + columns
            return PostgresStatement(
                name.joined(separator: "_"), .read,
                """
                SELECT sequence, \(Self.told) FROM \(trail) WHERE app_id = $1 AND sequence \(newestFirst ? "<" : ">") $2\
                \(conditions) ORDER BY sequence \(newestFirst ? "DESC " : "")LIMIT $\(columns.count + 3)
                """)
        }

        /// Deletes the oldest entries of the trail: those before the time `$2`, and all but the newest `$3`.
        ///
        /// Looks at the oldest `$4` only: they are in the order of time but for steps of the clock.
        var deleteOldTrail: PostgresStatement {
            PostgresStatement(
                "deleteOldTrail", .alone,
                """
                DELETE FROM \(trail) WHERE app_id = $1 AND sequence = ANY (ARRAY(SELECT sequence FROM \
                (SELECT sequence, time FROM \(trail) WHERE app_id = $1 ORDER BY sequence LIMIT $4) AS oldest \
                WHERE sequence < (SELECT max(sequence) FROM \(trail) WHERE app_id = $1) AND (time < $2 OR sequence <= \
                (SELECT sequence FROM \(trail) WHERE app_id = $1 ORDER BY sequence DESC OFFSET $3 LIMIT 1))))
                """)
        }
    }

    extension AuditRecord {
        /// Reads the columns of `Statements.selectTrail(matching:newestFirst:)`.
        init(row: PostgresRow) throws(StorageError) {
            guard let name = AuditEvent.Name(rawValue: row.text(2)),
                let details = try? JSONObjectText(stored: row.text(6)).decoded()
            else { throw StorageError(.corrupt, "entry \(row.integer(0)) of the audit trail cannot be read") }
            let handle = row.text(3)
            let event = AuditEvent(
                name: name, time: Timestamp(milliseconds: row.integer(1)),
                handle: handle.isEmpty ? nil : SessionHandle(handle), tenantID: row.optionalText(4).map(TenantID.init),
                userID: row.optionalText(5).map(UserID.init), details: details)
            self.init(sequence: row.integer(0), event: event)
        }
    }
#endif
