/// Whose tables are in a schema, recognised by their names and columns before anything is written (docs/decisions/0027).
enum SchemaKind: Sendable, Equatable {
    /// There are no tables that this core would use.
    case empty
    /// Our own, or a part of them: making them was interrupted.
    case ours
    /// Those of core 11.1.3, which are used in place.
    case superTokens
    /// Those of a SuperTokens core of other versions, which this text names.
    case otherSuperTokens(String)
    /// Tables of these names that no core has made.
    case foreign([String])

    /// Recognises the kind.
    ///
    /// - Parameters:
    ///   - found: the tables.
    ///   - isOurs: whether the columns that our steps add are there because we made them.
    init(_ found: TablesFound, isOurs: Bool) {
        let foreign = Self.shapes.filter { found.has($0.table) && !found.has($0.table, $0.columns) }.map(\.table)
        let present = Self.shapes.map(\.table).filter(found.has)
        if !foreign.isEmpty {
            self = .foreign(foreign.map(found.name))
        } else if present.isEmpty, !Self.marksOfSuperTokens.contains(where: found.has) {
            self = .empty
        } else if let versions = Self.versions(found, isOurs: isOurs) {
            self = .otherSuperTokens(versions)
        } else {
            self = Self.marksOfSuperTokens.contains(where: found.has) ? .superTokens : .ours
        }
    }

    /// The columns that every core's tables of these names have had since the first.
    private static let shapes: [(table: String, columns: Set<String>)] = [
        ("session_info", ["session_handle", "user_id", "refresh_token_hash_2", "expires_at", "created_at_time"]),
        ("key_value", ["name", "value", "created_at_time"]),
        ("apps", ["app_id", "created_at_time"]),
        ("tenants", ["app_id", "tenant_id", "created_at_time"]),
        ("user_last_active", ["user_id", "last_active_time"]),
    ]

    /// Tables that every core of SuperTokens of some generation has and we have not.
    private static let marksOfSuperTokens = [
        "past_tokens", "session_access_token_signing_keys", "jwt_signing_keys", "emailpassword_users",
        "all_auth_recipe_users", "tenant_configs", "app_id_to_user_id",
    ]

    /// The versions of SuperTokens' cores that have such tables; `nil` for those of core 11.1.3 and for ours.
    private static func versions(_ found: TablesFound, isOurs: Bool) -> String? {
        let table = found.has("session_info") ? "session_info" : "key_value"
        guard found.has(table, ["app_id"]) else {
            // Without any of them only tables are there that have had an app from the beginning.
            return found.has(table) ? versionsWithoutApps(found) : nil
        }
        guard marksOfSuperTokens.contains(where: found.has) else { return nil }
        if !isOurs, !found["session_info"].isDisjoint(with: rotationOfNewCores) { return "12.1 or newer" }
        let known = columnsOf1113["session_info", default: []].union(rotationOfNewCores)
        if found["session_info"].contains(where: { !known.contains($0) && !$0.hasPrefix("tessera_") }) {
            return "12.1 or newer"
        }
        if ["recipe_user_tenants", "primary_user_tenants"].contains(where: found.has) { return "12.0 or newer" }
        if found.hasTable(beginning: "saml_") { return "11.3 to 12.0" }
        if isWhole1113(found) { return nil }
        return versionsWithApps(found)
    }

    private static func versionsWithoutApps(_ found: TablesFound) -> String {
        if found.has("past_tokens") { return "1.0 to 2.4" }
        if found.has("session_info", ["use_static_key"]) { return "5.0 to 5.x" }
        if found.has("session_access_token_signing_keys") {
            return found.has("user_last_active") ? "4.5 to 4.6" : "3.6 to 4.4"
        }
        return found.hasTable(beginning: "emailpassword_") ? "3.0 to 3.5" : "2.5 to 3.5"
    }

    private static func versionsWithApps(_ found: TablesFound) -> String {
        if found.has("webauthn_users") { return "10.1 to 11.2, with tables missing" }
        if found.has("oauth_clients") { return "9.3 to 10.0" }
        if found.has("tenant_first_factors") { return "8.0 to 9.2" }
        return found.has("app_id_to_user_id", ["primary_or_recipe_user_id"]) ? "7.0 to 8.0" : "6.0 to 6.x"
    }

    private static let rotationOfNewCores: Set<String> = ["prev_refresh_token_hash_2", "refresh_token_rotated_at"]

    private static func isWhole1113(_ found: TablesFound) -> Bool {
        tablesOf1113.allSatisfy(found.has) && columnsOf1113.allSatisfy { found.has($0, $1) }
    }

    /// The columns of core 11.1.3 that are read or written here.
    private static let columnsOf1113: [String: Set<String>] = [
        "session_info": [
            "app_id", "tenant_id", "session_handle", "user_id", "refresh_token_hash_2", "session_data", "expires_at",
            "created_at_time", "jwt_user_payload", "use_static_key",
        ],
        "key_value": ["app_id", "tenant_id", "name", "value", "created_at_time"],
        "user_last_active": ["app_id", "user_id", "last_active_time"],
        "session_access_token_signing_keys": ["app_id", "created_at_time", "value"],
        "jwt_signing_keys": ["app_id", "key_id", "key_string", "algorithm", "created_at"],
        "tenant_configs": [
            "connection_uri_domain", "app_id", "tenant_id", "core_config", "email_password_enabled",
            "passwordless_enabled", "third_party_enabled", "is_first_factors_null",
        ],
        "tenant_first_factors": ["connection_uri_domain", "app_id", "tenant_id", "factor_id"],
        "tenant_required_secondary_factors": ["connection_uri_domain", "app_id", "tenant_id", "factor_id"],
        "app_id_to_user_id": [
            "app_id", "user_id", "recipe_id", "primary_or_recipe_user_id", "is_linked_or_is_a_primary_user",
        ],
        "userid_mapping": ["app_id", "supertokens_user_id", "external_user_id"],
    ]

    /// All tables of core 11.1.3.
    private static let tablesOf1113 = [
        "all_auth_recipe_users", "app_id_to_user_id", "apps", "bulk_import_users", "dashboard_user_sessions",
        "dashboard_users", "emailpassword_pswd_reset_tokens", "emailpassword_user_to_tenant", "emailpassword_users",
        "emailverification_tokens", "emailverification_verified_emails", "jwt_signing_keys", "key_value",
        "oauth_clients", "oauth_logout_challenges", "oauth_m2m_tokens", "oauth_sessions", "passwordless_codes",
        "passwordless_devices", "passwordless_user_to_tenant", "passwordless_users", "role_permissions", "roles",
        "session_access_token_signing_keys", "session_info", "tenant_configs", "tenant_first_factors",
        "tenant_required_secondary_factors", "tenant_thirdparty_provider_clients", "tenant_thirdparty_providers",
        "tenants", "thirdparty_user_to_tenant", "thirdparty_users", "totp_used_codes", "totp_user_devices",
        "totp_users", "user_last_active", "user_metadata", "user_roles", "userid_mapping",
        "webauthn_account_recovery_tokens", "webauthn_credentials", "webauthn_generated_options",
        "webauthn_user_to_tenant", "webauthn_users",
    ]
}

extension SchemaKind {
    /// Why nothing can be done with the tables, and the way to go; `nil` for those that can be used.
    func refusal(schema: String) -> (text: String, hint: String)? {
        switch self {
        case .empty, .ours, .superTokens: return nil
        case .otherSuperTokens(let versions):
            return (
                "the tables in the schema \(TableNames.quote(schema)) are those of a SuperTokens core \(versions), and only "
                    + "those of core 11.1.3 can be used in place; nothing was changed",
                "import a dump of this database ('tessera import', docs/migrating.md); or let that core go to 11.1.3 by "
                    + "its own steps first; or name a schema for Tessera's own tables: postgresql_table_schema"
            )
        case .foreign(let tables):
            let names = tables.map(TableNames.quote).joined(separator: ", ")
            return (
                "the schema \(TableNames.quote(schema)) has tables of the names that a core needs, which no core has made: "
                    + "\(names); nothing was changed",
                "name a schema for Tessera's tables (postgresql_table_schema) or a prefix (postgresql_table_names_prefix)"
            )
        }
    }
}
