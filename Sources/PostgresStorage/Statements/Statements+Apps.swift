#if PostgreSQL
    import SessionEngine
    import SessionStorage

    extension Statements {
        private static let tenantColumns = "app_id, tenant_id, created_at_time, tessera_settings"

        var selectAllTenants: PostgresStatement {
            PostgresStatement(
                "selectAllTenants", .read,
                """
                SELECT t.app_id, t.tenant_id, coalesce(t.created_at_time, 0), coalesce(t.tessera_settings, '{}'), \
                a.tessera_revision FROM \(tenants) AS t JOIN \(apps) AS a ON a.app_id = t.app_id
                """)
        }

        var selectAppNames: PostgresStatement {
            PostgresStatement("selectAppNames", .read, "SELECT DISTINCT app_id FROM \(tenants)")
        }

        var selectTenantsOfApp: PostgresStatement {
            PostgresStatement("selectTenantsOfApp", .read, selectAllTenants.sql + " WHERE t.app_id = $1")
        }

        /// Stores a tenant, if the app has not changed since it was read at the revision `$5`; -1 stands for an app that
        /// is not there.
        var storeTenant: PostgresStatement {
            PostgresStatement(
                "storeTenant", .alone,
                """
                WITH turn AS (INSERT INTO \(apps) AS known (app_id, created_at_time, tessera_revision) \
                SELECT $1, $3, 0 WHERE $5 = -1 OR EXISTS (SELECT 1 FROM \(apps) WHERE app_id = $1) \
                ON CONFLICT (app_id) DO UPDATE SET tessera_revision = known.tessera_revision + 1 \
                WHERE known.tessera_revision = $5 RETURNING 1) \
                INSERT INTO \(tenants) (\(Self.tenantColumns)) SELECT $1, $2, $3, $4 FROM turn \
                ON CONFLICT (app_id, tenant_id) DO UPDATE SET tessera_settings = excluded.tessera_settings
                """)
        }

        /// Removes a tenant with its sessions; `$3` and `$4` are for the trail, nothing where `$3` is no time.
        var deleteTenant: PostgresStatement {
            PostgresStatement(
                "deleteTenant", .alone,
                """
                WITH gone AS (DELETE FROM \(tenants) WHERE app_id = $1 AND tenant_id = $2 RETURNING 1), \
                turn AS (UPDATE \(apps) SET tessera_revision = tessera_revision + 1 WHERE app_id = $1 \
                AND EXISTS (SELECT 1 FROM gone)), \
                ended AS (DELETE FROM \(sessions) WHERE app_id = $1 AND tenant_id = $2 \
                AND EXISTS (SELECT 1 FROM gone) RETURNING session_handle, tenant_id, user_id, created_at_time), \
                told AS (INSERT INTO \(trail) (app_id, \(Self.told)) \
                SELECT $1, $3, 'revoked', session_handle, tenant_id, user_id, $4 FROM ended WHERE $3 IS NOT NULL \
                ORDER BY created_at_time, session_handle) \
                SELECT 1 FROM gone
                """)
        }

        /// The tables that have rows of apps; `apps` is the last.
        static let tablesOfApps = [
            "session_info", "tessera_signing_keys", "key_value", "user_last_active", "tessera_audit_trail",
            "tessera_cut_offs", "tenants", "apps",
        ]

        /// Removes an app with everything of it.
        var deleteApp: PostgresStatement {
            let steps = Self.tablesOfApps.map { table in
                "gone_\(table) AS (DELETE FROM \(tables.quoted(table)) WHERE app_id = $1 RETURNING 1)"
            }
            return PostgresStatement(
                "deleteApp", .alone, "WITH \(steps.joined(separator: ", ")) SELECT count(*) FROM gone_apps")
        }
    }

    extension TenantRecord {
        /// Reads the columns of `Statements.selectAllTenants`.
        init(row: PostgresRow) throws(StorageError) {
            let settings = String(decoding: try row.bytes(3), as: UTF8.self)
            self.init(
                id: TenantID(row.text(1)), createdAt: Timestamp(milliseconds: row.integer(2)), settings: settings)
        }
    }
#endif
