extension SchemaMigration {
    /// How a session's user was authenticated, and what the session asked for (docs/decisions/0040).
    ///
    /// All are NULL in rows of other cores and of earlier releases, which never name them; none is in an index, so that a
    /// rotation changes none.
    static func sessionPolicy(_ tables: TableNames) -> [SchemaStatement] {
        columns(
            of: tables,
            "tessera_authenticated_at BIGINT", "tessera_absolute_limit BIGINT", "tessera_idle_limit BIGINT",
            "tessera_level TEXT", "tessera_amr TEXT", "tessera_level_at BIGINT", "tessera_flags BIGINT")
    }

    /// What is known about the device of a session (docs/decisions/0041).
    static func devices(_ tables: TableNames) -> [SchemaStatement] { columns(of: tables, "tessera_device TEXT") }

    /// The key that a session is bound to (docs/decisions/0045).
    static func boundKeys(_ tables: TableNames) -> [SchemaStatement] { columns(of: tables, "tessera_bound_key TEXT") }

    private static func columns(of tables: TableNames, _ definitions: String...) -> [SchemaStatement] {
        definitions.map { definition in
            SchemaStatement(
                purpose: "a column of \(tables.plain("session_info"))",
                sql: "ALTER TABLE \(tables.quoted("session_info")) ADD COLUMN IF NOT EXISTS \(definition)",
                lock: .accessExclusiveBrief)
        }
    }
}
