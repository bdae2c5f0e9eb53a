import LibPQClient

/// What an operator should know of a SuperTokens core's tables that are used in place: what happens there, and what is not
/// taken over.
struct PlaceOfSuperTokens {
    let names: TableNames

    /// Reads it.
    ///
    /// - Returns: sentences; none where there is nothing to say.
    func notes(_ connection: BlockingConnection) throws(StatementError) -> [String] {
        var notes: [String] = []
        func count(_ sql: String) throws(StatementError) -> Int {
            Int(try connection.run(sql).first?.first.flatMap(\.self) ?? "") ?? 0
        }
        let users = try count("SELECT count(*) FROM \(names.quoted("app_id_to_user_id"))")
        if users > 0 {
            notes.append(
                "\(users) users of log-in methods are there: sign-up and sign-in stay with SuperTokens' core, which has to "
                    + "run for them; their sessions are served here")
        }
        let linked = try count(
            """
            SELECT count(*) FROM \(names.quoted("app_id_to_user_id")) \
            WHERE is_linked_or_is_a_primary_user AND primary_or_recipe_user_id <> user_id
            """)
        if linked > 0 {
            notes.append(
                "\(linked) users are linked to a primary user: sessions name him, and end with him; linking itself stays "
                    + "with SuperTokens' core")
        }
        let domains = try count(
            "SELECT count(*) FROM \(names.quoted("tenant_configs")) WHERE connection_uri_domain <> ''")
        if domains > 0 {
            notes.append("\(domains) tenants belong to a connectionUriDomain of their own: they are not served here")
        }
        return notes
    }

    /// The settings of each app that has some, as they are stored.
    func settings(_ connection: BlockingConnection) throws(StatementError) -> [AppSettingsFound] {
        try connection.run(
            """
            SELECT app_id, core_config FROM \(names.quoted("tenant_configs")) WHERE connection_uri_domain = '' \
            AND tenant_id = 'public' AND app_id <> 'public' AND core_config IS NOT NULL ORDER BY app_id
            """
        ).map { AppSettingsFound(app: $0[0] ?? "", coreConfig: $0[1] ?? "") }
    }
}

/// What a SuperTokens core keeps as an app's own configuration.
public struct AppSettingsFound: Sendable, Equatable {
    /// The app's name.
    public let app: String
    /// The text of a JSON object.
    public let coreConfig: String
}
