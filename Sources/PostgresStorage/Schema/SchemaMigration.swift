/// The locks that a statement takes on a table that is in use, by PostgreSQL's names (its manual, 13.3.1).
public enum LockClass: String, Sendable {
    /// A new table: it is not used yet.
    case none = "none (new table)"
    /// Reads and writes continue.
    case shareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
    /// No other process gets in, for the moment that an entry in the catalogue takes; given up after 100 ms of waiting.
    case accessExclusiveBrief = "ACCESS EXCLUSIVE, for an entry in the catalogue"
    /// Reads continue; writes wait for the moment that an entry in the catalogue takes; given up after 100 ms of waiting.
    case shareRowExclusiveBrief = "SHARE ROW EXCLUSIVE, for an entry in the catalogue"
    /// Rows like any other.
    case rows = "ROW EXCLUSIVE"

    /// Whether it is given up and tried again where others hold the table.
    var isBrief: Bool { self == .accessExclusiveBrief || self == .shareRowExclusiveBrief }
}

/// One statement of a step.
public struct SchemaStatement: Sendable, Equatable {
    /// What it is for.
    public let purpose: String
    /// Its SQL; doing it twice does no harm.
    public let sql: String
    /// What it locks.
    public let lock: LockClass
    /// The index that it builds concurrently, as it is written in SQL, with its schema.
    var index: String?
}

/// One named step of the schema.
///
/// A step that has been released is never edited; a change is a new step.
struct SchemaMigration: Sendable {
    let name: String
    let level: Int
    /// The oldest level whose releases can run beside it.
    let worksWith: Int
    let statements: [SchemaStatement]

    /// All steps in order.
    ///
    /// The tables and columns without `tessera` are those of docs/specification/core.md 6, so that the same statements
    /// run on the schema of a SuperTokens core (docs/decisions/0017).
    static func all(_ tables: TableNames, onSuperTokens: Bool) -> [SchemaMigration] {
        [
            SchemaMigration(
                name: "0001-sessions", level: 1, worksWith: 1,
                statements: base(tables) + (onSuperTokens ? additions(tables) : ours(tables)) + common(tables)),
            SchemaMigration(name: "0002-room-for-updates", level: 2, worksWith: 1, statements: room(tables)),
            SchemaMigration(name: "0003-sharing", level: 3, worksWith: 1, statements: sharing(tables)),
            SchemaMigration(
                name: "0004-cut-offs", level: 4, worksWith: 1,
                statements: cutOffs(tables, onSuperTokens: onSuperTokens)),
            SchemaMigration(
                name: "0005-key-life", level: 5, worksWith: 1,
                statements: [
                    SchemaStatement(
                        purpose: "a column of \(tables.plain("tessera_signing_keys"))",
                        sql: """
                            ALTER TABLE \(tables.quoted("tessera_signing_keys")) \
                            ADD COLUMN IF NOT EXISTS verifies_until BIGINT
                            """, lock: .accessExclusiveBrief)
                ]),
            SchemaMigration(name: "0006-audit-chain", level: 6, worksWith: 1, statements: auditChain(tables)),
            SchemaMigration(name: "0007-session-policy", level: 7, worksWith: 1, statements: sessionPolicy(tables)),
            SchemaMigration(name: "0008-devices", level: 8, worksWith: 1, statements: devices(tables)),
            SchemaMigration(name: "0009-bound-keys", level: 9, worksWith: 1, statements: boundKeys(tables)),
            SchemaMigration(name: "0010-revocations", level: 10, worksWith: 1, statements: revocations(tables)),
            SchemaMigration(name: "0011-event-outbox", level: 11, worksWith: 1, statements: eventOutbox(tables)),
        ]
    }

    static func table(_ tables: TableNames, _ name: String, _ columns: String) -> SchemaStatement {
        SchemaStatement(
            purpose: "the table \(tables.plain(name))",
            sql: "CREATE TABLE IF NOT EXISTS \(tables.quoted(name)) (\(columns))", lock: .none)
    }

    private static func base(_ tables: TableNames) -> [SchemaStatement] {
        [
            SchemaStatement(
                purpose: "the schema \(tables.schema)",
                sql: """
                    DO $$ BEGIN IF to_regnamespace('\(TableNames.quote(tables.schema))') IS NULL THEN \
                    CREATE SCHEMA \(TableNames.quote(tables.schema)); END IF; END $$
                    """, lock: .none),
            table(
                tables, "tessera_signing_keys",
                """
                app_id TEXT NOT NULL, key_id TEXT NOT NULL, kind TEXT NOT NULL, algorithm TEXT NOT NULL, \
                created_at_time BIGINT NOT NULL, private_key BYTEA NOT NULL, first_used_time BIGINT, \
                PRIMARY KEY (app_id, key_id)
                """),
            table(
                tables, "tessera_audit_trail",
                """
                app_id TEXT NOT NULL, sequence BIGINT GENERATED ALWAYS AS IDENTITY, time BIGINT NOT NULL, \
                event TEXT NOT NULL, session_handle TEXT NOT NULL, tenant_id TEXT, user_id TEXT, \
                details TEXT NOT NULL, PRIMARY KEY (app_id, sequence, session_handle)
                """),
        ]
    }

    private static func ours(_ tables: TableNames) -> [SchemaStatement] {
        [
            table(
                tables, "apps",
                """
                app_id TEXT PRIMARY KEY, created_at_time BIGINT, tessera_revision BIGINT NOT NULL DEFAULT 0
                """),
            table(
                tables, "tenants",
                """
                app_id TEXT NOT NULL, tenant_id TEXT NOT NULL, created_at_time BIGINT, tessera_settings BYTEA, \
                PRIMARY KEY (app_id, tenant_id)
                """),
            table(
                tables, "key_value",
                """
                app_id TEXT NOT NULL, tenant_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT, \
                created_at_time BIGINT, PRIMARY KEY (app_id, tenant_id, name)
                """),
            table(
                tables, "user_last_active",
                """
                app_id TEXT NOT NULL, user_id TEXT NOT NULL, last_active_time BIGINT, PRIMARY KEY (app_id, user_id)
                """),
            table(
                tables, "session_info",
                """
                expires_at BIGINT NOT NULL, created_at_time BIGINT NOT NULL, refresh_token_rotated_at BIGINT, \
                tessera_generation BIGINT NOT NULL DEFAULT 0, tessera_version BIGINT NOT NULL DEFAULT 0, \
                use_static_key BOOLEAN NOT NULL, tessera_token_used BOOLEAN NOT NULL DEFAULT false, \
                app_id TEXT NOT NULL, tenant_id TEXT NOT NULL, session_handle TEXT NOT NULL, user_id TEXT NOT NULL, \
                refresh_token_hash_2 TEXT NOT NULL, prev_refresh_token_hash_2 TEXT, session_data TEXT, \
                jwt_user_payload TEXT, PRIMARY KEY (app_id, session_handle)
                """),
            index(tables, "session_info", "session_info_user_id_app_id_index", "(user_id, app_id)"),
        ]
    }

    /// What a SuperTokens core's tables lack; its core continues with them, because it never names these columns.
    private static func additions(_ tables: TableNames) -> [SchemaStatement] {
        func column(_ table: String, _ definition: String) -> SchemaStatement {
            SchemaStatement(
                purpose: "a column of \(tables.plain(table))",
                sql: "ALTER TABLE \(tables.quoted(table)) ADD COLUMN IF NOT EXISTS \(definition)",
                lock: .accessExclusiveBrief)
        }
        return [
            column("session_info", "prev_refresh_token_hash_2 VARCHAR(128)"),
            column("session_info", "refresh_token_rotated_at BIGINT"),
            column("session_info", "tessera_token_used BOOLEAN NOT NULL DEFAULT false"),
            column("session_info", "tessera_generation BIGINT NOT NULL DEFAULT 0"),
            column("session_info", "tessera_version BIGINT NOT NULL DEFAULT 0"),
            column("tenants", "tessera_settings BYTEA"),
            column("apps", "tessera_revision BIGINT NOT NULL DEFAULT 0"),
            index(tables, "session_info", "tessera_session_handle_index", "(app_id, session_handle)", unique: true),
            index(tables, "session_info", "session_info_user_id_app_id_index", "(user_id, app_id)"),
        ]
    }

    private static func common(_ tables: TableNames) -> [SchemaStatement] {
        [
            SchemaStatement(
                purpose: "the app public",
                sql: """
                    INSERT INTO \(tables.quoted("apps")) (app_id, created_at_time) VALUES ('public', 0) \
                    ON CONFLICT DO NOTHING
                    """, lock: .rows),
            SchemaStatement(
                purpose: "the tenant public of the app public",
                sql: """
                    INSERT INTO \(tables.quoted("tenants")) (app_id, tenant_id, created_at_time) \
                    VALUES ('public', 'public', 0) ON CONFLICT DO NOTHING
                    """, lock: .rows),
        ]
    }

    /// Room in each page for the next version of its rows, so that a rotation touches no index, and a vacuum that keeps
    /// up with many updates.
    private static func room(_ tables: TableNames) -> [SchemaStatement] {
        [
            SchemaStatement(
                purpose: "room for updates in \(tables.plain("session_info"))",
                sql: """
                    ALTER TABLE \(tables.quoted("session_info")) SET (fillfactor = 80, \
                    autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)
                    """, lock: .shareUpdateExclusive)
        ]
    }

    /// What decides which successor a refresh token has; it takes the place of `tessera_token_used`.
    private static func sharing(_ tables: TableNames) -> [SchemaStatement] {
        [
            SchemaStatement(
                purpose: "a column of \(tables.plain("session_info"))",
                sql: "ALTER TABLE \(tables.quoted("session_info")) ADD COLUMN IF NOT EXISTS tessera_sharing TEXT",
                lock: .accessExclusiveBrief)
        ]
    }

    static func index(
        _ tables: TableNames, _ table: String, _ name: String, _ columns: String, unique: Bool = false
    ) -> SchemaStatement {
        let name = tables.quotedIndex(name)
        return SchemaStatement(
            purpose: "an index of \(tables.plain(table))",
            sql: """
                CREATE \(unique ? "UNIQUE " : "")INDEX CONCURRENTLY IF NOT EXISTS \(name) \
                ON \(tables.quoted(table)) \(columns)
                """, lock: .shareUpdateExclusive, index: "\(TableNames.quote(tables.schema)).\(name)")
    }
}
