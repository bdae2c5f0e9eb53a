import Foundations
import LibPQClient
import SessionEngine
import SessionStorage

/// The statements about apps and tenants; `$app` is the app.
extension Statements {
    var selectAllTenants: PostgresStatement { tenants("selectAllTenants") }

    var selectTenantsOfApp: PostgresStatement { tenants("selectTenantsOfApp", " WHERE t.app_id = $app") }

    private func tenants(_ name: String, _ condition: String = "") -> PostgresStatement {
        PostgresStatement(
            name, .read,
            """
            SELECT t.app_id, t.tenant_id, coalesce(t.created_at_time, 0), coalesce(t.tessera_settings, '{}'), \
            a.tessera_revision, \(isInPlace ? configuration : "NULL") FROM \(tables.tenants) AS t \
            JOIN \(tables.apps) AS a ON a.app_id = t.app_id\(isInPlace ? configurationJoin : "")\(condition)
            """)
    }

    var selectAppNames: PostgresStatement {
        PostgresStatement("selectAppNames", .read, "SELECT DISTINCT app_id FROM \(tables.tenants)")
    }

    /// An app that has sessions and no key to read their refresh tokens with.
    var selectAppWithoutKey: PostgresStatement {
        PostgresStatement(
            "selectAppWithoutKey", .read,
            """
            SELECT a.app_id FROM \(tables.apps) AS a \
            WHERE NOT EXISTS (SELECT 1 FROM \(tables.values) AS v WHERE v.app_id = a.app_id AND v.name = $name) \
            AND EXISTS (SELECT 1 FROM \(tables.sessions) AS s WHERE s.app_id = a.app_id) LIMIT 1
            """)
    }

    /// Stores a tenant, if the app has not changed since it was read at `$revision`; -1 stands for an app that is not
    /// there.
    var storeTenant: PostgresStatement {
        PostgresStatement(
            "storeTenant", .alone,
            """
            WITH \(storedTenant) SELECT 1 FROM guarded
            """)
    }

    /// The same with what a SuperTokens core reads of it.
    var storeTenantInPlace: PostgresStatement {
        PostgresStatement(
            "storeTenantInPlace", .alone,
            "WITH \(([storedTenant] + storedConfiguration).joined(separator: ", ")) SELECT 1 FROM guarded")
    }

    private var storedTenant: String {
        """
        guarded AS (INSERT INTO \(tables.apps) AS known (app_id, created_at_time, tessera_revision) \
        SELECT $app, $created, 0 WHERE $revision = -1 \
        OR EXISTS (SELECT 1 FROM \(tables.apps) WHERE app_id = $app) \
        ON CONFLICT (app_id) DO UPDATE SET tessera_revision = known.tessera_revision + 1 \
        WHERE known.tessera_revision = $revision RETURNING 1), \
        tenant AS (INSERT INTO \(tables.tenants) (app_id, tenant_id, created_at_time, tessera_settings) \
        SELECT $app, $tenant, $created, $settings FROM guarded \
        ON CONFLICT (app_id, tenant_id) DO UPDATE SET tessera_settings = excluded.tessera_settings)
        """
    }

    /// Removes a tenant with its sessions, and writes an audit event for each of them unless `$eventTime` is NULL.
    var deleteTenant: PostgresStatement {
        PostgresStatement(
            "deleteTenant", .alone,
            """
            WITH gone AS (DELETE FROM \(tables.tenants) WHERE app_id = $app AND tenant_id = $tenant RETURNING 1), \
            changed AS (UPDATE \(tables.apps) SET tessera_revision = tessera_revision + 1 WHERE app_id = $app \
            AND EXISTS (SELECT 1 FROM gone)), \(isInPlace ? deletedConfiguration("AND tenant_id = $tenant") : "") \
            ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND tenant_id = $tenant \
            AND EXISTS (SELECT 1 FROM gone) RETURNING session_handle, tenant_id, user_id, created_at_time, \
            \(QuotedTables.actorDetails) AS acting), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $eventTime, 'revoked', session_handle, tenant_id, user_id, acting, $eventActor, $eventMeans FROM ended \
            WHERE $eventTime IS NOT NULL ORDER BY created_at_time, session_handle) \
            SELECT 1 FROM gone
            """)
    }

    /// The tables that have rows of apps; `apps` is the last.
    static let tablesOfApps = [
        "session_info", "tessera_signing_keys", "key_value", "user_last_active", "tessera_audit_trail",
        "tessera_cut_offs", "tessera_audit_pages", "tessera_audit_salts",
        "tessera_revocations", "tessera_event_streams", "tessera_event_outbox", "tenants", "apps",
    ]

    /// Removes an app with all its rows.
    var deleteApp: PostgresStatement {
        let deletions = Self.tablesOfApps.map { table in
            "gone_\(table) AS (DELETE FROM \(names.quoted(table)) WHERE app_id = $app RETURNING 1)"
        }
        let configuration = isInPlace ? deletedConfiguration() : ""
        return PostgresStatement(
            "deleteApp", .alone,
            "WITH \(configuration) \(deletions.joined(separator: ", ")) SELECT count(*) FROM gone_apps")
    }
}

extension TenantRecord {
    /// Reads the columns of `Statements.selectAllTenants`.
    init(row: PostgresRow) throws(StorageError) {
        let settings = String(decoding: try row.storedBytes(3), as: UTF8.self)
        self.init(
            id: TenantID(row.text(1)), createdAt: Timestamp(milliseconds: row.integer(2)), settings: settings)
        try adopt(row.optionalText(5))
    }
}
