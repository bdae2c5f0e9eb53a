/// `INSERT INTO table (columns) VALUES (...), (...);`
extension DumpReader {
    mutating func insertStatement() throws(ImportError) {
        let into = try lexer.next()
        guard into == .word("into") else { return try skip(after: into) }
        var (name, token) = try tableName(startingWith: lexer.next())
        guard let name else { return try skip(after: token) }
        guard let table = selection.table(name) else { return try skipInsert(name, token) }
        var list: [String]?
        if token == .open {
            list = try nameList()
            token = try lexer.next()
        }
        while case .word(let word) = token, ["overriding", "system", "user", "value"].contains(word) {
            token = try lexer.next()
        }
        guard token == .word("values") else {
            throw ImportError(.unsuitable, "an INSERT without VALUES, which pg_dump does not write", line: line)
        }
        let layout = try layout(table, name, columns: list)
        guard try lexer.next() == .open else { throw unexpected(table) }
        block = .values(layout)
    }

    private mutating func skipInsert(_ name: TableName, _ token: SQLToken) throws(ImportError) {
        var groups = 0
        if token == .open { _ = try nameList() }
        if token != .statementEnd { groups = try skipStatement() }
        otherRows[name, default: 0] += max(1, groups)
    }

    /// The next row of a statement, from the token after its opening bracket on; `nil` at the end of the statement.
    mutating func valuesRow(_ layout: DumpRow.Layout) throws(ImportError) -> DumpRow? {
        let start = line
        var fields: [[UInt8]?] = []
        var token = SQLToken.comma
        while token == .comma {
            guard fields.count < layout.columns.count else { throw wrongCount(layout, start) }
            fields.append(try value(isWanted: layout.isWanted[fields.count], layout.table))
            token = try lexer.next()
        }
        guard token == .close else { throw token == .end ? cutOff() : unexpected(layout.table) }
        guard fields.count == layout.columns.count else { throw wrongCount(layout, start) }
        try afterRow(layout)
        return DumpRow(layout: layout, fields: fields, line: start)
    }

    /// Finds out whether another row follows.
    private mutating func afterRow(_ layout: DumpRow.Layout) throws(ImportError) {
        let token = try lexer.next()
        if token == .comma {
            guard try lexer.next() == .open else { throw unexpected(layout.table) }
            return
        }
        block = .none
        try skip(after: token)
    }

    /// A value; `nil` for NULL.
    private mutating func value(isWanted: Bool, _ table: SourceTable) throws(ImportError) -> [UInt8]? {
        switch try lexer.next(keepsText: isWanted) {
        case .text(let bytes): return bytes
        case .number(let text): return Array(text.utf8)
        case .word("null"): return nil
        case .word("true"): return [UInt8(ascii: "t")]
        case .word("false"): return [UInt8(ascii: "f")]
        case .minus:
            guard case .number(let text) = try lexer.next() else { throw unexpected(table) }
            return Array("-\(text)".utf8)
        case .end: throw cutOff()
        default: throw unexpected(table)
        }
    }

    private func unexpected(_ table: SourceTable) -> ImportError {
        ImportError(.damaged, "an INSERT into \(table.rawValue) that pg_dump would not write", line: line)
    }

    private func wrongCount(_ layout: DumpRow.Layout, _ line: Int) -> ImportError {
        let problem = "a row of \(layout.table.rawValue) does not have its \(layout.columns.count) columns"
        return ImportError(.damaged, problem, line: line)
    }
}
