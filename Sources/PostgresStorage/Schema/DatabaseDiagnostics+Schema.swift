import LibPQClient
import SessionStorage

extension DatabaseDiagnostics {
    mutating func privileges(_ connection: BlockingConnection) throws(StatementError) {
        let schema = TableNames.quote(settings.tables.schema)
        let exists = try connection.run("SELECT to_regnamespace($1)::text", [.text(schema)]).first?.first.flatMap(
            \.self)
        let mayCreate =
            exists == nil
            ? "SELECT has_database_privilege(current_database(), 'CREATE')"
            : "SELECT has_schema_privilege($1, 'CREATE')"
        let rows = try connection.run(mayCreate, exists == nil ? [] : [.text(settings.tables.schema)])
        let user = try one(connection, "SELECT quote_ident(current_user)")
        if rows.first?.first == "t" {
            note(.good, "the role \(user) may make tables in \(schema)")
        } else {
            let grant = exists == nil ? "GRANT CREATE ON DATABASE" : "GRANT CREATE, USAGE ON SCHEMA"
            let name = exists == nil ? try one(connection, "SELECT quote_ident(current_database())") : schema
            note(
                .advice, "the role \(user) may not make tables in \(schema)",
                "\(grant) \(name) TO \(user); or run 'tessera migrate apply' as a role that may")
        }
    }

    mutating func schema(_ connection: BlockingConnection) throws(StatementError) {
        let migrator = SchemaMigrator(settings, logger: .silent)
        let state = try migrator.read(connection)
        if let refusal = state.kind.refusal(schema: settings.tables.schema) {
            return note(.bad, refusal.text, refusal.hint)
        }
        if state.isSuperTokens { try place(connection) }
        let missing = migrator.pending(state).map(\.name)
        if missing.isEmpty {
            note(.good, "the schema has all steps")
            try tables(connection)
            try indices(connection)
            try triggers(connection)
            try restored(connection)
        } else {
            note(
                .advice, "the schema lacks \(missing.joined(separator: ", "))",
                "see 'tessera migrate plan'; the start of a core does it too unless postgresql_migrate is false")
        }
    }

    /// What to know of a SuperTokens core's tables.
    private mutating func place(_ connection: BlockingConnection) throws(StatementError) {
        note(.good, "the tables are those of a SuperTokens core (11.1.3), used in place")
        let place = PlaceOfSuperTokens(names: settings.tables)
        for text in try place.notes(connection) { note(.advice, text) }
        for found in try place.settings(connection) {
            let (reasons, isServed) = appLimits(found)
            let what = isServed ? "has a setting without effect" : "is not served"
            let hint = "leave that app with SuperTokens' core, or change its settings there"
            for reason in reasons {
                note(
                    isServed ? .advice : .bad, "the app '\(found.app)' \(what): \(reason)", isServed ? nil : hint)
            }
        }
    }

    private mutating func tables(_ connection: BlockingConnection) throws(StatementError) {
        for table in Statements.tablesOfApps {
            let name = settings.tables.quoted(table)
            for privilege in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
                let rows = try connection.run(
                    "SELECT has_table_privilege($1, $2)", [.text(name), .text(privilege)])
                if rows.first?.first == "t" { continue }
                note(.bad, "the role lacks \(privilege) on \(name)", "GRANT \(privilege) ON \(name) TO the role")
            }
        }
    }

    /// Without its triggers the feed of ended sessions and the streams of security events have gaps that no one sees.
    private mutating func triggers(_ connection: BlockingConnection) throws(StatementError) {
        for (name, table, gap) in SchemaMigration.triggers {
            let quoted = settings.tables.quoted(table)
            let found = try connection.run(
                """
                SELECT 1 FROM pg_trigger WHERE tgname = $1 AND tgrelid = to_regclass($2) AND tgenabled IN ('O', 'A')
                """, [.text(name), .text(quoted)])
            if found.isEmpty {
                note(
                    .bad, "the trigger \(name) of \(quoted) is missing or off: \(gap)",
                    "ALTER TABLE \(quoted) ENABLE TRIGGER \(name); or make it again as 'tessera migrate plan' of an empty "
                        + "schema shows it")
            }
        }
    }

    /// A database that was put back from a copy answers newer tokens in its own way; its operator should know.
    private mutating func restored(_ connection: BlockingConnection) throws(StatementError) {
        let rows = try connection.run(
            """
            SELECT value FROM \(settings.tables.quoted("key_value")) WHERE app_id = 'public' \
            AND tenant_id = 'public' AND name = $1
            """, [.text(StoredValueName.restoreNumber.rawValue)])
        guard let number = rows.first?.first ?? nil else { return }
        note(
            .advice, "the database was put back from a copy; its restore number is \(number)",
            "see docs/backup.md: refresh tokens that are newer than the copy are adopted once, or signed out")
    }

    private mutating func indices(_ connection: BlockingConnection) throws(StatementError) {
        let broken = try connection.run(
            """
            SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND n.nspname = $1
            """, [.text(settings.tables.schema)])
        for row in broken {
            let name = TableNames.quote(row[0] ?? "")
            note(.bad, "the index \(name) is not valid", "REINDEX INDEX CONCURRENTLY \(name);")
        }
        let byHandle = try connection.run(
            """
            SELECT 1 FROM pg_index WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid \
            AND pg_get_indexdef(indexrelid) LIKE '%(app_id, session_handle)'
            """, [.text(settings.tables.quoted("session_info"))])
        if byHandle.isEmpty {
            note(
                .bad, "sessions have no unique index on (app_id, session_handle): each look reads many rows",
                """
                CREATE UNIQUE INDEX CONCURRENTLY ON \(settings.tables.quoted("session_info")) (app_id, session_handle);
                """)
        } else if broken.isEmpty {
            note(.good, "the indices are there and valid")
        }
    }
}
