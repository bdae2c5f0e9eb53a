import SessionStorage

/// One named step of the schema.
///
/// A step that has been released is never edited; a change is a new step.
struct Migration {
    let name: String
    let sql: String

    /// All steps in order.
    ///
    /// The columns are those of docs/specification/core.md 6; signing keys of both kinds share one table
    /// (docs/decisions/0004).
    static let all = [
        Migration(
            name: "0001-sessions-keys-values",
            sql: """
                CREATE TABLE session_info (
                    app_id TEXT NOT NULL,
                    session_handle TEXT NOT NULL,
                    tenant_id TEXT NOT NULL,
                    user_id TEXT NOT NULL,
                    refresh_token_hash_2 TEXT NOT NULL,
                    session_data TEXT NOT NULL,
                    jwt_user_payload TEXT NOT NULL,
                    created_at_time INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL,
                    use_static_key INTEGER NOT NULL,
                    PRIMARY KEY (app_id, session_handle)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX session_info_user ON session_info (app_id, user_id, created_at_time);
                CREATE TABLE signing_keys (
                    app_id TEXT NOT NULL,
                    key_id TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    algorithm TEXT NOT NULL,
                    created_at_time INTEGER NOT NULL,
                    private_key BLOB NOT NULL,
                    PRIMARY KEY (app_id, key_id)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE key_value (
                    app_id TEXT NOT NULL,
                    name TEXT NOT NULL,
                    value TEXT NOT NULL,
                    PRIMARY KEY (app_id, name)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            name: "0002-rotation",
            sql: """
                ALTER TABLE session_info ADD COLUMN prev_refresh_token_hash_2 TEXT;
                ALTER TABLE session_info ADD COLUMN refresh_token_rotated_at INTEGER;
                """),
        Migration(
            name: "0003-activity",
            sql: """
                CREATE TABLE user_last_active (
                    app_id TEXT NOT NULL,
                    user_id TEXT NOT NULL,
                    last_active_time INTEGER NOT NULL,
                    PRIMARY KEY (app_id, user_id)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            name: "0004-tenants",
            sql: """
                CREATE TABLE tenants (
                    app_id TEXT NOT NULL,
                    tenant_id TEXT NOT NULL,
                    created_at_time INTEGER NOT NULL,
                    settings TEXT NOT NULL,
                    PRIMARY KEY (app_id, tenant_id)
                ) STRICT, WITHOUT ROWID;
                INSERT INTO tenants (app_id, tenant_id, created_at_time, settings) VALUES ('public', 'public', 0, '{}');
                """),
        Migration(
            name: "0005-audit",
            sql: """
                ALTER TABLE session_info ADD COLUMN current_token_used INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE session_info ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE signing_keys ADD COLUMN first_used_time INTEGER;
                CREATE TABLE audit_trail (
                    app_id TEXT NOT NULL,
                    sequence INTEGER NOT NULL,
                    time INTEGER NOT NULL,
                    event TEXT NOT NULL,
                    session_handle TEXT,
                    tenant_id TEXT,
                    user_id TEXT,
                    details TEXT NOT NULL,
                    PRIMARY KEY (app_id, sequence)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            name: "0006-sharing",
            sql: """
                ALTER TABLE session_info ADD COLUMN sharing TEXT;
                ALTER TABLE session_info DROP COLUMN current_token_used;
                """),
        Migration(
            name: "0007-cut-offs",
            sql: """
                CREATE TABLE cut_offs (
                    app_id TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    tenant TEXT NOT NULL,
                    time INTEGER NOT NULL,
                    made_at INTEGER NOT NULL,
                    ended_by TEXT,
                    PRIMARY KEY (app_id, kind, subject, tenant, time)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX audit_trail_session ON audit_trail (app_id, session_handle, sequence);
                CREATE INDEX audit_trail_user ON audit_trail (app_id, user_id, sequence);
                CREATE INDEX audit_trail_event ON audit_trail (app_id, event, sequence);
                """),
        Migration(name: "0008-key-life", sql: "ALTER TABLE signing_keys ADD COLUMN verifies_until INTEGER"),
        // A mass end of an earlier release says "admin"; it does not know that.
        Migration(
            name: "0009-audit-chain",
            sql: """
                ALTER TABLE audit_trail ADD COLUMN actor TEXT;
                ALTER TABLE audit_trail ADD COLUMN means TEXT;
                ALTER TABLE audit_trail ADD COLUMN user_digest TEXT;
                CREATE INDEX audit_trail_actor ON audit_trail (app_id, actor, sequence) WHERE actor IS NOT NULL;
                CREATE INDEX audit_trail_time ON audit_trail (app_id, time, sequence);
                CREATE TABLE audit_pages (
                    app_id TEXT NOT NULL,
                    page INTEGER NOT NULL,
                    first INTEGER NOT NULL,
                    last INTEGER NOT NULL,
                    count INTEGER NOT NULL,
                    newest_time INTEGER NOT NULL,
                    made_at INTEGER NOT NULL,
                    marks TEXT NOT NULL,
                    entries_hash TEXT NOT NULL,
                    previous TEXT NOT NULL,
                    hash TEXT NOT NULL,
                    PRIMARY KEY (app_id, page)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE audit_salts (
                    app_id TEXT NOT NULL,
                    user_id TEXT NOT NULL,
                    salt TEXT NOT NULL,
                    PRIMARY KEY (app_id, user_id)
                ) STRICT, WITHOUT ROWID;
                UPDATE cut_offs SET ended_by = 'driver' WHERE ended_by IS NOT NULL;
                """),
        Migration(
            name: "0010-session-policy",
            sql: """
                ALTER TABLE session_info ADD COLUMN authenticated_at INTEGER;
                ALTER TABLE session_info ADD COLUMN absolute_limit INTEGER;
                ALTER TABLE session_info ADD COLUMN idle_limit INTEGER;
                ALTER TABLE session_info ADD COLUMN level TEXT;
                ALTER TABLE session_info ADD COLUMN amr TEXT;
                ALTER TABLE session_info ADD COLUMN level_at INTEGER;
                ALTER TABLE session_info ADD COLUMN flags INTEGER;
                """),
        Migration(name: "0011-devices", sql: "ALTER TABLE session_info ADD COLUMN device TEXT"),
        Migration(name: "0012-bound-keys", sql: "ALTER TABLE session_info ADD COLUMN bound_key TEXT"),
        revocations, eventOutbox,
    ]

    /// Whether a file has the steps of this release and no others.
    static func isDone(on connection: SQLiteConnection) throws(StorageError) -> Bool {
        let table = "SELECT name FROM sqlite_schema WHERE name = 'schema_migrations'"
        guard try !connection.query(table, row: { $0.text(0) }).isEmpty else { return false }
        let done = try connection.query("SELECT name FROM schema_migrations") { $0.text(0) }
        return Set(done) == Set(all.map(\.name))
    }

    /// Brings a file up to date, in one transaction.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/newerSchema`` when the file has a step this release does
    ///   not know: then a newer release wrote it, and it is left alone.
    static func run(on connection: SQLiteConnection, steps: [Migration] = all) throws(StorageError) {
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            try connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY) STRICT")
            let done = try connection.query("SELECT name FROM schema_migrations ORDER BY name") { $0.text(0) }
            guard let foreign = done.first(where: { name in !steps.contains { $0.name == name } }) else {
                for step in steps where !done.contains(step.name) {
                    try connection.execute(step.sql)
                    try connection.run("INSERT INTO schema_migrations (name) VALUES (?)", [.text(step.name)])
                }
                return try connection.execute("COMMIT")
            }
            // Whatever the column holds: an error is one line of a terminal.
            let shown = String(foreign.prefix(64).filter { $0.isASCII && ("!"..."~").contains($0) })
            throw StorageError(
                .newerSchema, "the database was written by a newer release (step \(shown)); start that release")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }
}
