public import Foundations
import LibPQClient
public import SessionStorage

/// The address of a PostgreSQL database, and how it is used.
///
/// It may hold a password: print nothing of it.
public struct PostgresSettings: Sendable, Redacted {
    /// libpq's connection parameters; `dbname` may be a connection URI.
    public var parameters: [(name: String, value: String)]
    /// The names of the tables.
    public var tables: TableNames
    /// The number of connections of a process.
    ///
    /// Four carry tens of thousands of statements a second; ten nodes then need 40 of PostgreSQL's usual 100
    /// (docs/decisions/0016).
    public var connections = 4
    /// The largest number of statements that share a transaction; 1 switches batches off, for engines that spread rows
    /// over machines.
    public var batchLimit = 16
    /// The largest number of statements that wait; those of the lowest priority are rejected first.
    public var queueLimit = 1_024
    /// The longest time that a statement takes, waiting included.
    public var deadline = Duration.seconds(5)
    /// The newest step of the schema that this process knows; an older one in tests of two releases side by side.
    package var newestSchemaLevel = Int.max

    /// Names a database.
    ///
    /// - Parameters:
    ///   - parameters: libpq's connection parameters.
    ///   - tables: the names of the tables.
    public init(parameters: [(name: String, value: String)], tables: TableNames = TableNames()) {
        self.parameters = parameters
        self.tables = tables
    }

    /// Names a database by a connection URI, or by `key=value` pairs, as libpq takes them (its manual, 34.1.1).
    ///
    /// - Throws: `StorageError.Code.misconfigured` if libpq cannot read it, or is missing.
    public init(uri: String, tables: TableNames = TableNames()) throws(StorageError) {
        do throws(ClientError) { try ClientSettings.check(uri: uri) } catch { throw StorageError(error) }
        self.init(parameters: [("dbname", uri)], tables: tables)
    }

    /// What the client needs of them.
    var client: ClientSettings {
        ClientSettings(
            parameters: [("fallback_application_name", "tessera")] + parameters, connections: connections,
            batchLimit: batchLimit, queueLimit: queueLimit, deadline: deadline)
    }

    /// The host, the port and the name of the database, without user and password.
    public var address: String { client.address }

    /// The address, never the password.
    public var description: String { address }
}

/// The names of the tables (docs/specification/core.md 7.2).
public struct TableNames: Sendable, Equatable {
    /// The schema.
    public var schema: String
    /// What goes before each name, with an underscore.
    public var prefix: String
    /// The name of single tables, by their usual names, where they have another.
    public var overrides: [String: String]

    /// Names the tables; by default they are in `public` and have SuperTokens' names.
    public init(schema: String = "public", prefix: String = "", overrides: [String: String] = [:]) {
        self.schema = schema
        self.prefix = prefix
        self.overrides = overrides
    }

    /// The name of a table without its schema.
    func plain(_ table: String) -> String { overrides[table] ?? (prefix.isEmpty ? table : "\(prefix)_\(table)") }

    /// A table as it is written in SQL.
    func quoted(_ table: String) -> String { "\(Self.quote(schema)).\(Self.quote(plain(table)))" }

    /// An index of a table as it is written in SQL, without its schema.
    func quotedIndex(_ name: String) -> String { Self.quote(prefix.isEmpty ? name : "\(prefix)_\(name)") }

    /// A name as it is written in SQL.
    static func quote(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
