extension SchemaMigration {
    /// Who did it and how, the audit log by actor and by time, and its chain (docs/decisions/0025).
    ///
    /// A mass end of an earlier release says "admin"; it does not know that.
    static func auditChain(_ tables: TableNames) -> [SchemaStatement] {
        let log = "tessera_audit_trail"
        let columns = ["actor", "means", "user_digest"].map { name in
            SchemaStatement(
                purpose: "a column of \(tables.plain(log))",
                sql: "ALTER TABLE \(tables.quoted(log)) ADD COLUMN IF NOT EXISTS \(name) TEXT",
                lock: .accessExclusiveBrief)
        }
        return columns + [
            index(
                tables, log, "tessera_audit_actor_index", "(app_id, actor, sequence) WHERE actor IS NOT NULL"),
            index(tables, log, "tessera_audit_time_index", "(app_id, time, sequence)"),
            table(
                tables, "tessera_audit_pages",
                """
                app_id TEXT NOT NULL, page BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, \
                count BIGINT NOT NULL, newest_time BIGINT NOT NULL, made_at BIGINT NOT NULL, marks TEXT NOT NULL, \
                entries_hash TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (app_id, page)
                """),
            table(
                tables, "tessera_audit_salts",
                "app_id TEXT NOT NULL, user_id TEXT NOT NULL, salt TEXT NOT NULL, PRIMARY KEY (app_id, user_id)"),
            SchemaStatement(
                purpose: "who made the mass ends in \(tables.plain("tessera_cut_offs"))",
                sql: "UPDATE \(tables.quoted("tessera_cut_offs")) SET ended_by = 'driver' WHERE ended_by = 'admin'",
                lock: .rows),
        ]
    }
}
