#if PostgreSQL
    import SessionEngine
    import SessionStorage

    extension Statements {
        /// The name of the value that counts the changes of an app's keys.
        private static let revision = "'tessera_keys_revision'"

        /// How often the keys have changed, with each key; one row without a key where there is none.
        var selectKeys: PostgresStatement {
            PostgresStatement(
                "selectKeys", .read,
                """
                SELECT counted.revision, key_id, kind, algorithm, created_at_time, private_key, first_used_time FROM \
                (SELECT (SELECT value::bigint FROM \(values) WHERE app_id = $1 AND tenant_id = 'public' \
                AND name = \(Self.revision)) AS revision) AS counted LEFT JOIN \(keys) AS made ON made.app_id = $1
                """)
        }

        /// Changes the keys of an app, if nobody else has since they were read at the revision `$2`.
        ///
        /// `$3` to `$8` are the columns of the new keys, `$9` the names of those that go, `$10` and `$11` first uses, `$12`
        /// to `$14` the entries of the trail.
        func changeKeys(mirrored: Bool) -> PostgresStatement {
            let mirror = mirrored ? mirroring : ""
            return PostgresStatement(
                "changeKeys", .alone,
                """
                WITH turn AS (INSERT INTO \(values) AS counted (app_id, tenant_id, name, value, created_at_time) \
                SELECT $1, 'public', \(Self.revision), ($2 + 1)::text, $15 \
                WHERE EXISTS (SELECT 1 FROM \(tenants) WHERE app_id = $1) \
                ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value \
                WHERE counted.value = $2::text RETURNING 1), \
                added AS (INSERT INTO \(keys) (app_id, key_id, kind, algorithm, created_at_time, private_key, \
                first_used_time) SELECT $1, new.id, new.kind, new.algorithm, new.created, decode(new.bytes, 'hex'), \
                nullif(new.used, '-9223372036854775808'::bigint) FROM turn, unnest($3, $4, $5, $6, $7, $8) \
                AS new (id, kind, algorithm, created, bytes, used) ON CONFLICT (app_id, key_id) DO NOTHING), \
                removed AS (DELETE FROM \(keys) WHERE app_id = $1 AND key_id = ANY ($9) \
                AND EXISTS (SELECT 1 FROM turn)), \
                used AS (UPDATE \(keys) AS made SET first_used_time = first.time FROM turn, \
                unnest($10, $11) AS first (id, time) WHERE made.app_id = $1 AND made.key_id = first.id), \
                told AS (INSERT INTO \(trail) (app_id, time, event, session_handle, details) \
                SELECT $1, news.time, news.event, '', news.details FROM turn, \
                unnest($12, $13, $14) WITH ORDINALITY AS news (time, event, details, place) ORDER BY news.place)\(mirror) \
                SELECT 1 FROM turn
                """)
        }

        /// The same change in the tables of SuperTokens' core, so that a team can switch back: `$16` to `$18` the dynamic
        /// keys, `$19` to `$22` the static ones, `$23` the creation times of the dynamic keys that go.
        private var mirroring: String {
            """
            , added_dynamic AS (INSERT INTO \(tables.quoted("session_access_token_signing_keys")) \
            (app_id, created_at_time, value) SELECT $1, new.created, new.value FROM turn, unnest($16, $17) \
            AS new (created, value) ON CONFLICT (app_id, created_at_time) DO NOTHING), \
            added_static AS (INSERT INTO \(tables.quoted("jwt_signing_keys")) \
            (app_id, key_id, key_string, algorithm, created_at) SELECT $1, new.id, new.value, 'RS256', new.created \
            FROM turn, unnest($18, $19, $20) AS new (id, value, created) ON CONFLICT (app_id, key_id) DO NOTHING), \
            removed_dynamic AS (DELETE FROM \(tables.quoted("session_access_token_signing_keys")) \
            WHERE app_id = $1 AND created_at_time = ANY ($21) AND EXISTS (SELECT 1 FROM turn)), \
            removed_static AS (DELETE FROM \(tables.quoted("jwt_signing_keys")) \
            WHERE app_id = $1 AND key_id = ANY ($9) AND EXISTS (SELECT 1 FROM turn))
            """
        }

        /// The keys that a SuperTokens core made, in its own tables.
        var selectForeignKeys: PostgresStatement {
            PostgresStatement(
                "selectForeignKeys", .read,
                """
                SELECT 'd-' || created_at_time, 'RS256', created_at_time, value \
                FROM \(tables.quoted("session_access_token_signing_keys")) WHERE app_id = $1 UNION ALL \
                SELECT key_id, algorithm, created_at, key_string FROM \(tables.quoted("jwt_signing_keys")) \
                WHERE app_id = $1
                """)
        }

        var selectValue: PostgresStatement {
            PostgresStatement(
                "selectValue", .read,
                "SELECT value FROM \(values) WHERE app_id = $1 AND tenant_id = 'public' AND name = $2")
        }

        /// Stores a value unless there is one; `$5` to `$7` are the entry of the trail, none where `$5` is no time.
        var insertValue: PostgresStatement {
            PostgresStatement(
                "insertValue", .alone,
                """
                WITH stored AS (INSERT INTO \(values) (app_id, tenant_id, name, value, created_at_time) \
                SELECT $1, 'public', $2, $3, $4 WHERE EXISTS (SELECT 1 FROM \(tenants) WHERE app_id = $1) \
                ON CONFLICT (app_id, tenant_id, name) DO NOTHING RETURNING 1), \
                told AS (INSERT INTO \(trail) (app_id, time, event, session_handle, details) \
                SELECT $1, $5, $6, '', $7 FROM stored WHERE $5 IS NOT NULL) \
                SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM \(tenants) WHERE app_id = $1)
                """)
        }
    }

    extension SigningKeyRecord {
        /// Reads the columns of `Statements.selectKeys` after the revision.
        init(row: PostgresRow) throws(StorageError) {
            guard let id = KeyID(row.text(1)), let kind = SigningKeyKind(rawValue: row.text(2)),
                let algorithm = SigningAlgorithm(rawValue: row.text(3))
            else { throw StorageError(.corrupt, "a row of tessera_signing_keys is not a key") }
            self.init(
                id: id, kind: kind, algorithm: algorithm, createdAt: Timestamp(milliseconds: row.integer(4)),
                privateKeyDER: try row.bytes(5), firstUsedAt: row.optionalInteger(6).map(Timestamp.init(milliseconds:)))
        }
    }
#endif
