import SessionEngine
import SessionStorage

extension Statement {
    static let selectTenant = "SELECT 1 FROM tenants WHERE app_id = ? AND tenant_id = ?"
    static let selectAllTenants = "SELECT app_id, tenant_id, created_at_time, settings FROM tenants"
    static let selectAppNames = "SELECT DISTINCT app_id FROM tenants"
    static let selectTenantsOfApp = "\(selectAllTenants) WHERE app_id = ?"
    static let storeTenant = """
        INSERT INTO tenants (app_id, tenant_id, created_at_time, settings) VALUES (?,?,?,?) \
        ON CONFLICT (app_id, tenant_id) DO UPDATE SET settings = excluded.settings
        """
    static let deleteTenant = "DELETE FROM tenants WHERE app_id = ? AND tenant_id = ?"
    static let deleteSessionsOfTenant = "DELETE FROM session_info WHERE app_id = ? AND tenant_id = ?"
    static let deleteTenantsOfApp = "DELETE FROM tenants WHERE app_id = ?"

    /// One for each further table that has rows of apps; `SQLiteAppTests` finds a table that is missing here.
    static let deleteRowsOfApp = [
        "session_info", "signing_keys", "key_value", "user_last_active", "audit_trail", "cut_offs",
        "audit_pages", "audit_salts", "revocations", "event_streams", "event_outbox",
    ].map { table in "DELETE FROM \(table) WHERE app_id = ?" }
}

extension TenantRecord {
    /// Reads the columns of `Statement.selectAllTenants` after `app_id`.
    init(row: SQLiteRow) {
        self.init(
            id: TenantID(row.text(1)), createdAt: Timestamp(milliseconds: row.integer(2)), settings: row.text(3))
    }
}
