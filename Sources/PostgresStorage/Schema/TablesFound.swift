import LibPQClient

/// The tables of a schema with their columns, by their usual names.
struct TablesFound: Sendable {
    private let columns: [String: Set<String>]
    private let names: TableNames

    /// Uses tables by the names that they have in the database.
    init(_ columns: [String: Set<String>], _ names: TableNames) {
        self.columns = columns
        self.names = names
    }

    /// Reads the catalogue; what the role may not use is seen as well.
    static func read(_ connection: BlockingConnection, _ names: TableNames) throws(StatementError) -> TablesFound {
        let rows = try connection.run(
            """
            SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
            JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 \
            AND c.relkind IN ('r', 'p', 'v', 'f') AND a.attnum > 0 AND NOT a.attisdropped
            """, [.text(names.schema)])
        var columns: [String: Set<String>] = [:]
        for row in rows { columns[row[0] ?? "", default: []].insert(row[1] ?? "") }
        return TablesFound(columns, names)
    }

    /// Whether there is a table, by its usual name.
    func has(_ table: String) -> Bool { columns[names.plain(table)] != nil }

    /// Whether there is a table whose usual name begins so.
    func hasTable(beginning prefix: String) -> Bool {
        let prefix = names.plain(prefix)
        return columns.keys.contains { $0.hasPrefix(prefix) }
    }

    /// Whether a table has all these columns.
    func has(_ table: String, _ wanted: Set<String>) -> Bool {
        columns[names.plain(table)].map(wanted.isSubset) ?? false
    }

    /// The columns of a table; none where there is no such table.
    subscript(table: String) -> Set<String> { columns[names.plain(table)] ?? [] }

    /// The name that a table has in the database.
    func name(_ table: String) -> String { names.plain(table) }
}
