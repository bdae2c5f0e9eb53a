/// A statement that each connection prepares when it first needs it.
///
/// Its SQL names the parameters: `$user`, in words of small and capital letters and digits. PostgreSQL gets numbers.
package struct PostgresStatement: Sendable {
    /// Which statements may share its transaction.
    package enum Kind: Sendable, Equatable {
        /// Other reads; repeated if the connection breaks.
        case read
        /// Other writes of single rows.
        case write
        /// None: it writes many rows.
        case alone
    }

    /// The name by which connections prepare it.
    package let name: String
    package let kind: Kind
    /// The SQL with numbered parameters.
    package let sql: String
    /// The names of the parameters, the first of which is `$1`.
    package let parameters: [String]

    package init(_ name: String, _ kind: Kind, _ sql: String) {
        self.name = name
        self.kind = kind
        (self.sql, parameters) = Self.numbered(sql)
    }

    /// Puts numbers for the names of parameters, but in what is in quotes: texts, and names of tables.
    private static func numbered(_ sql: String) -> (sql: String, parameters: [String]) {
        var numbered = ""
        var parameters: [String] = []
        var quote: Character?
        var rest = sql[...]
        while let character = rest.popFirst() {
            numbered.append(character)
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "$", let first = rest.first, first.isLetter {
                let name = String(rest.prefix { $0.isLetter || $0.isNumber })
                rest = rest.dropFirst(name.count)
                if !parameters.contains(name) { parameters.append(name) }
                numbered += "\((parameters.firstIndex(of: name) ?? 0) + 1)"
            }
        }
        return (numbered, parameters)
    }

    /// The values of the parameters in their order; `nil` if one is missing.
    package func ordered(_ values: NamedValues) -> [PostgresValue]? {
        var ordered: [PostgresValue] = []
        ordered.reserveCapacity(parameters.count)
        for name in parameters {
            guard let value = values[name] else { return nil }
            ordered.append(value)
        }
        return ordered
    }
}

/// The order in which waiting statements are sent: those of level 0 first (docs/specification/security.md E-12).
package struct StatementPriority: Sendable, Equatable {
    /// The number of levels.
    static let levels = 5

    /// The level, from 0 to 4.
    let level: Int

    package init(level: Int) { self.level = min(max(0, level), Self.levels - 1) }

    /// The last level.
    package static let last = StatementPriority(level: levels - 1)
}
