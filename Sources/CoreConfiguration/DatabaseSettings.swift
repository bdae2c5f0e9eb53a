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

    /// Reads what concerns the database; `nil` where none is named.
    ///
    /// - Throws: ``ConfigurationError`` for a value that breaks a rule.
    init?(_ values: ConfigurationValues) throws(ConfigurationError) {
        let (uri, user) = (values.text(.postgresURI), values.text(.postgresUser))
        guard uri != nil || user != nil else {
            // Sessions would silently be somewhere else than the operator believes.
            let others = [ConfigurationKey.postgresPassword, .postgresDatabase, .postgresSessionTable]
            guard others.contains(where: { values.text($0) != nil }) else { return nil }
            throw values.error(
                "'postgresql_user' and 'postgresql_connection_uri' are not set. Please set at least one of these values"
            )
        }
        if let uri, !["postgresql://", "postgres://"].contains(where: uri.hasPrefix) {
            throw values.error(
                "The provided postgresql connection URI has an incorrect format. Please use a format like "
                    + "postgresql://[user[:[password]]@]host[:port][/dbname][?attr1=val1&attr2=val2...")
        }
        parameters = try Self.parameters(values, uri)
        schema = values.text(.postgresSchema) ?? "public"
        prefix = values.text(.postgresPrefix) ?? ""
        tableNames = [:]
        tableNames["key_value"] = values.text(.postgresValueTable)
        tableNames["session_info"] = values.text(.postgresSessionTable)
        poolSize = try Self.size(.postgresPoolSize, values)
        groupLimit = try Self.size(.postgresGrouping, values)
        migrates = try values.bool(.postgresMigrates) ?? true
    }

    private static func size(
        _ key: ConfigurationKey, _ values: ConfigurationValues
    ) throws(ConfigurationError) -> Int? {
        guard let size = try values.integer(key) else { return nil }
        guard size > 0 else { throw values.error("'\(key.rawValue)' in the config.yaml file must be > 0") }
        return Int(size)
    }

    /// The URI with what else is set, which goes before what the URI says.
    private static func parameters(
        _ values: ConfigurationValues, _ uri: String?
    ) throws(ConfigurationError) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        if let uri { parameters.append(("dbname", uri)) }
        let port = try values.integer(.postgresPort).map { String($0) }
        let named = [
            ("host", values.text(.postgresHost) ?? (uri == nil ? "localhost" : nil)), ("port", port),
            ("user", values.text(.postgresUser)), ("password", values.text(.postgresPassword)),
        ]
        for (name, value) in named { if let value { parameters.append((name, value)) } }
        if uri == nil { parameters.append(("dbname", values.text(.postgresDatabase) ?? "supertokens")) }
        // A driver of Java's, which SuperTokens' core has, knows this one; libpq does not.
        for attribute in (values.text(.postgresAttributes) ?? "").split(separator: "&")
        where !attribute.hasPrefix("allowPublicKeyRetrieval=") {
            let halves = attribute.split(separator: "=", maxSplits: 1)
            guard halves.count == 2 else {
                throw values.error("'postgresql_connection_attributes' has to be like attr1=val1&attr2=val2")
            }
            parameters.append((String(halves[0]), String(halves[1])))
        }
        return parameters
    }

    /// Nothing of what it holds.
    public var description: String { "DatabaseSettings" }
}

/// Where the key that encrypts private keys comes from.
public enum KeyEncryptionSource: Sendable, Redacted {
    /// The key itself, from the environment.
    case text(String)
    /// A file that holds it.
    case file(String)
    /// A command that prints it, run by the shell.
    case command(String)

    /// Reads which one it is; `nil` where none is set.
    ///
    /// - Throws: ``ConfigurationError`` when there is more than one.
    init?(_ values: ConfigurationValues) throws(ConfigurationError) {
        let found = [
            values.text(.keyEncryptionKey).map(KeyEncryptionSource.text),
            values.text(.keyEncryptionKeyFile).map(KeyEncryptionSource.file),
            values.text(.keyEncryptionKeyCommand).map(KeyEncryptionSource.command),
        ].compactMap(\.self)
        guard found.count <= 1 else {
            throw values.error(
                "Set only one of 'key_encryption_key', 'key_encryption_key_file' and 'key_encryption_key_command'.")
        }
        guard let source = found.first else { return nil }
        self = source
    }

    /// The kind alone.
    public var description: String {
        switch self {
        case .text: "the environment"
        case .file(let path): "the file \(path)"
        case .command: "a command"
        }
    }
}
