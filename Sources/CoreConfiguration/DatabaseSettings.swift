import CoreServer
public import Foundations

/// A PostgreSQL database, by SuperTokens' keys (docs/specification/core.md 7.2).
///
/// It may hold a password: print nothing of it.
public struct DatabaseSettings: Sendable, Redacted {
    /// How to reach the database, by the names of libpq's parameters; `dbname` may be a connection URI.
    public var parameters: [(name: String, value: String)]
    /// The schema of the tables.
    public var schema: String
    /// What goes before the tables' names.
    public var prefix: String
    /// Tables with names of their own, by their usual names.
    public var tableNames: [String: String]
    /// How many connections this process holds; `nil` for the usual number.
    public var poolSize: Int?
    /// How many statements may share a transaction; `nil` for the usual number.
    public var groupLimit: Int?
    /// Whether the schema is brought up to date at the start.
    public var migrates: Bool
    /// What somebody between here and the database could do, where that is more than nothing; for the operator.
    public var transportWarning: String?

    /// Nothing of what it holds.
    public var description: String { "DatabaseSettings" }
}

extension ConfigurationReading {
    /// The database that the keys name; `nil` where none is named.
    ///
    /// - Parameter environment: has libpq's own variables.
    mutating func database(_ environment: [String: String]) -> DatabaseSettings? {
        let keys = draft.database
        guard keys.uri != nil || keys.user != nil else {
            // Sessions would silently be somewhere else than the operator believes.
            let others = [
                "postgresql_password", "postgresql_database_name", "postgresql_session_info_table_name",
            ].filter(has)
            if !others.isEmpty {
                note(
                    "'postgresql_user' and 'postgresql_connection_uri' are not set. Please set at least one of these values",
                    others, showsValue: false)
            }
            return nil
        }
        var uri: PostgresURI?
        if let text = keys.uri { uri = postgresURI(text) }
        if let host = keys.host, host.contains("://") || host.dropFirst().contains("@") {
            note(
                "'postgresql_host' has to be a name or an address; a URI belongs into 'postgresql_connection_uri'.",
                ["postgresql_host"], showsValue: false)
        }
        let attributes = self.attributes()
        var settings = DatabaseSettings(
            parameters: Self.parameters(keys, attributes), schema: keys.schema, prefix: keys.prefix, tableNames: [:],
            poolSize: keys.poolSize, groupLimit: keys.groupLimit, migrates: keys.migrates)
        settings.tableNames["key_value"] = keys.valueTable
        settings.tableNames["session_info"] = keys.sessionTable
        settings.transportWarning = PostgresTransport(keys, uri, attributes, environment).warning
        return settings
    }

    private mutating func postgresURI(_ text: String) -> PostgresURI? {
        let uri = PostgresURI(text)
        if let fault = uri?.fault ?? (uri == nil ? PostgresURI.form : nil) {
            note(fault, ["postgresql_connection_uri"])
        }
        return uri
    }

    /// The attributes that libpq knows, by their names.
    private mutating func attributes() -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        // A driver of Java's, which SuperTokens' core has, knows this one; libpq does not.
        for attribute in (draft.database.attributes ?? "").split(separator: "&")
        where !attribute.hasPrefix("allowPublicKeyRetrieval=") {
            let halves = attribute.split(separator: "=", maxSplits: 1)
            guard halves.count == 2 else {
                note(
                    "'postgresql_connection_attributes' has to be like attr1=val1&attr2=val2",
                    ["postgresql_connection_attributes"])
                return []
            }
            found.append((String(halves[0]), String(halves[1])))
        }
        return found
    }

    /// The URI with what else is set, which goes before what the URI says.
    private static func parameters(
        _ keys: DatabaseKeys, _ attributes: [(name: String, value: String)]
    ) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        if let uri = keys.uri { parameters.append(("dbname", uri)) }
        let named = [
            ("host", keys.host ?? (keys.uri == nil ? "localhost" : nil)), ("port", keys.port.map { String($0) }),
            ("user", keys.user), ("password", keys.password),
        ]
        for (name, value) in named { if let value { parameters.append((name, value)) } }
        if keys.uri == nil { parameters.append(("dbname", keys.name ?? "supertokens")) }
        return parameters + attributes
    }
}
