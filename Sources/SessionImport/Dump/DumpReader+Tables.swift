/// Which table a block of rows belongs to, and its columns.
extension DumpReader {
    /// `CREATE TABLE name (column type, ...)`; other kinds of CREATE are passed over.
    mutating func createStatement() throws(ImportError) {
        var token = try lexer.next()
        while case .word(let word) = token,
            ["unlogged", "global", "local", "temporary", "temp", "or", "replace"].contains(word)
        {
            token = try lexer.next()
        }
        guard token == .word("table") else { return try skipDefinition(of: token) }
        token = try lexer.next()
        while case .word(let word) = token, ["if", "not", "exists"].contains(word) { token = try lexer.next() }
        let (name, after) = try tableName(startingWith: token)
        guard let name, after == .open else { return try skip(after: after) }
        let list = try columnDefinitions()
        if let table = selection.table(name) {
            guard columns[name] == nil else {
                throw ImportError(
                    .unsuitable, "the table \(name) is created twice: dump one database at a time", line: line)
            }
            found.insert(table)
        }
        columns[name] = list
        try skipStatement()
    }

    /// A function may hold statements of its own; they end with `END`, not with the first semicolon.
    private mutating func skipDefinition(of token: SQLToken) throws(ImportError) {
        guard token == .word("function") || token == .word("procedure") else { return try skip(after: token) }
        var depth = 0
        while true {
            switch try lexer.next() {
            case .word("begin"), .word("case"): depth += 1
            case .word("end"): depth -= 1
            case .statementEnd where depth <= 0: return
            case .end: throw cutOff()
            default: break
            }
        }
    }

    /// Passes over a statement from a token that has been taken already.
    mutating func skip(after token: SQLToken) throws(ImportError) {
        if token == .end { throw cutOff() }
        if token != .statementEnd { try skipStatement() }
    }

    /// `name` or `schema.name`, and the token after it.
    mutating func tableName(startingWith token: SQLToken) throws(ImportError) -> (TableName?, SQLToken) {
        guard let first = token.name else { return (nil, token) }
        let next = try lexer.next()
        guard next == .period else { return (TableName(schema: "", table: first), next) }
        let second = try lexer.next()
        guard let table = second.name else { return (nil, second) }
        return (TableName(schema: first, table: table), try lexer.next())
    }

    /// The names at the beginning of each definition, up to the closing bracket.
    private mutating func columnDefinitions() throws(ImportError) -> [String] {
        var names: [String] = []
        var depth = 1
        var isFirst = true
        while depth > 0 {
            let token = try lexer.next()
            switch token {
            case .end: throw cutOff()
            case .open: depth += 1
            case .close: depth -= 1
            case .comma where depth == 1:
                isFirst = true
                continue
            default:
                if isFirst, let name = Self.columnName(token) { names.append(name) }
            }
            isFirst = false
        }
        return names
    }

    /// The name of a column; `nil` where a rule of the table begins.
    private static func columnName(_ token: SQLToken) -> String? {
        if case .word(let word) = token,
            ["constraint", "primary", "unique", "check", "foreign", "exclude", "like"].contains(word)
        {
            return nil
        }
        return token.name
    }

    /// A list of names up to its closing bracket.
    mutating func nameList() throws(ImportError) -> [String] {
        var names: [String] = []
        while true {
            let token = try lexer.next()
            if token == .close { return names }
            if token == .end { throw cutOff() }
            if let name = token.name { names.append(name) }
        }
    }

    /// How the rows of a block of a table of the selection are laid out.
    mutating func layout(_ table: SourceTable, _ name: TableName, columns list: [String]?) throws(ImportError)
        -> DumpRow.Layout
    {
        guard let list = list ?? columns[name] else {
            throw ImportError(.unsuitable, "missing column definitions of \(name); dump the schema too", line: line)
        }
        if let missing = table.neededColumns.first(where: { !list.contains($0) }) {
            throw ImportError(.unsuitable, "the table \(name) has no column \(missing)", line: line)
        }
        found.insert(table)
        lexer.isComplete = false
        return DumpRow.Layout(table, columns: list)
    }
}
