extension SchemaMigration {
    /// Mass ends of sessions (docs/decisions/0022), the newest session of a user without a search, and the audit log by
    /// session, user and kind.
    ///
    /// In our own schema the new index of sessions takes the place of the one by user alone: it begins with the same
    /// columns, so that a release before it uses it too. A rotation changes none of its columns.
    static func cutOffs(_ tables: TableNames, onSuperTokens: Bool) -> [SchemaStatement] {
        let log = "tessera_audit_trail"
        let statements = [
            table(
                tables, "tessera_cut_offs",
                """
                app_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, tenant TEXT NOT NULL, \
                time BIGINT NOT NULL, made_at BIGINT NOT NULL, ended_by TEXT, \
                PRIMARY KEY (app_id, kind, subject, tenant, time)
                """),
            index(tables, "session_info", "tessera_session_user_index", "(user_id, app_id, created_at_time)"),
            index(tables, log, "tessera_audit_session_index", "(app_id, session_handle, sequence)"),
            index(tables, log, "tessera_audit_user_index", "(app_id, user_id, sequence)"),
            index(tables, log, "tessera_audit_event_index", "(app_id, event, sequence)"),
        ]
        return onSuperTokens ? statements : statements + [replacedIndex(tables)]
    }

    private static func replacedIndex(_ tables: TableNames) -> SchemaStatement {
        let index = "\(TableNames.quote(tables.schema)).\(tables.quotedIndex("session_info_user_id_app_id_index"))"
        return SchemaStatement(
            purpose: "an index of \(tables.plain("session_info")) that another takes the place of",
            sql: "DROP INDEX CONCURRENTLY IF EXISTS \(index)", lock: .shareUpdateExclusive)
    }
}
