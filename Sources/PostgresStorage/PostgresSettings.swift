#if PostgreSQL
    public import Foundations
    import CPostgreSQL
    public import SessionStorage

    /// Where a PostgreSQL database is and how it is used.
    ///
    /// It may hold a password: print nothing of it.
    public struct PostgresSettings: Sendable, Redacted {
        /// How to reach the database, by the names of libpq's parameters; `dbname` may be a connection URI.
        public var parameters: [(name: String, value: String)]
        /// The names of the tables.
        public var tables: TableNames
        /// How many connections a process holds.
        ///
        /// Four carry tens of thousands of statements a second; ten nodes then need 40 of PostgreSQL's usual 100
        /// (docs/decisions/0016).
        public var connections = 4
        /// How many statements may share a transaction; 1 switches grouping off, for engines that spread rows over
        /// machines.
        public var groupLimit = 16
        /// How many statements may wait; the least important ones are refused first.
        public var queueLimit = 1_024
        /// How long a statement may take, waiting included.
        public var deadline = Duration.seconds(5)
        /// How many of the schema's steps this process knows; fewer in tests of two releases side by side.
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
        /// - Throws: `StorageError` when libpq cannot read it.
        public init(uri: String, tables: TableNames = TableNames()) throws(StorageError) {
            var message: UnsafeMutablePointer<CChar>?
            let options = PQconninfoParse(uri, &message)
            defer {
                PQconninfoFree(options)
                PQfreemem(message)
            }
            // libpq's message may quote the text, which may hold a password.
            guard options != nil else {
                let unknown = message.map { String(cString: $0) }.flatMap(Self.unknownParameter)
                let hint = unknown.map { "libpq does not know its parameter '\($0)'" } ?? "libpq cannot read it"
                throw StorageError(.unavailable, "the connection URI of PostgreSQL is not usable: \(hint)")
            }
            self.init(parameters: [("dbname", uri)], tables: tables)
        }

        private static func unknownParameter(_ message: String) -> String? {
            guard message.contains("invalid URI query parameter") else { return nil }
            return message.split(separator: "\"").dropFirst().first.map(String.init)
        }

        /// Where the database is, without user and password.
        public var address: String {
            var found: [String: String] = [:]
            for (name, value) in parameters {
                guard name == "dbname", let options = PQconninfoParse(value, nil) else {
                    found[name] = value
                    continue
                }
                defer { PQconninfoFree(options) }
                var option = options
                while let keyword = option.pointee.keyword {
                    if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
                    option += 1
                }
            }
            let host = found["host"] ?? found["hostaddr"] ?? "local"
            return "PostgreSQL \(host):\(found["port"] ?? "5432")/\(found["dbname"] ?? "")"
        }

        /// Where the database is, never how to get in.
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
#endif
