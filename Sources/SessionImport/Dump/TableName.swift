/// The name of a table with its schema.
struct TableName: Hashable, CustomStringConvertible {
    /// The schema; empty when the dump names none.
    let schema: String
    let table: String

    var description: String { schema.isEmpty ? table : "\(schema).\(table)" }
}

/// The tables of a SuperTokens database that the import reads (docs/specification/core.md 6).
enum SourceTable: String, CaseIterable {
    case apps
    case tenants
    case tenantConfigurations = "tenant_configs"
    case sessions = "session_info"
    case values = "key_value"
    case dynamicKeys = "session_access_token_signing_keys"
    case staticKeys = "jwt_signing_keys"
    case pastTokens = "past_tokens"
    case userLinks = "app_id_to_user_id"

    /// The columns without which nothing can be made of a row.
    var neededColumns: [String] {
        switch self {
        case .apps: ["app_id"]
        case .tenants: ["app_id", "tenant_id"]
        case .tenantConfigurations: ["app_id", "tenant_id", "core_config"]
        case .sessions:
            [
                "session_handle", "user_id", "refresh_token_hash_2", "session_data", "expires_at", "created_at_time",
                "jwt_user_payload",
            ]
        case .values: ["name", "value", "created_at_time"]
        case .dynamicKeys: ["created_at_time", "value"]
        case .staticKeys: ["key_id", "key_string", "algorithm", "created_at"]
        case .pastTokens: []
        case .userLinks: ["user_id"]
        }
    }

    /// The columns that came later or are used when they are there.
    var otherColumns: [String] {
        switch self {
        case .apps, .pastTokens: []
        case .tenants: ["created_at_time"]
        case .tenantConfigurations: ["connection_uri_domain"]
        case .sessions:
            ["app_id", "tenant_id", "use_static_key", "prev_refresh_token_hash_2", "refresh_token_rotated_at"]
        case .values: ["app_id", "tenant_id"]
        case .dynamicKeys, .staticKeys: ["app_id"]
        case .userLinks: ["primary_or_recipe_user_id"]
        }
    }
}

/// Which tables of a dump belong to the SuperTokens database that is imported.
public struct TableSelection: Sendable, Equatable {
    /// The schema, `postgresql_table_schema`.
    public var schema: String
    /// The prefix of the names, `postgresql_table_names_prefix`; empty for none.
    public var prefix: String

    public init(schema: String = "public", prefix: String = "") {
        self.schema = schema
        self.prefix = prefix
    }

    /// The table of that name, if the import reads it.
    func table(_ name: TableName) -> SourceTable? {
        guard name.schema.isEmpty || name.schema == schema else { return nil }
        let start = prefix.isEmpty ? "" : "\(prefix)_"
        guard name.table.hasPrefix(start) else { return nil }
        return SourceTable(rawValue: String(name.table.dropFirst(start.count)))
    }
}
