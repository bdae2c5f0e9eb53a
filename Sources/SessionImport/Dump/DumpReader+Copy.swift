/// `COPY table (columns) FROM stdin;` and the lines after it.
extension DumpReader {
    mutating func copyStatement() throws(ImportError) {
        var (name, token) = try tableName(startingWith: lexer.next())
        var list: [String]?
        if token == .open {
            list = try nameList()
            token = try lexer.next()
        }
        guard let name, token == .word("from") else { return try skip(after: token) }
        token = try lexer.next()
        guard token == .word("stdin") else { return try skip(after: token) }
        let hasOptions = try lexer.next() != .statementEnd
        if hasOptions { try skipStatement() }
        _ = try lexer.reader.restOfLine(keeping: 0)
        guard let table = selection.table(name) else { return try skipCopy(name) }
        guard !hasOptions else {
            throw ImportError(.unsuitable, "COPY with options, which pg_dump does not write", line: line)
        }
        block = .copy(try layout(table, name, columns: list))
    }

    /// The next row of a block; `nil` at its end.
    mutating func copyRow(_ layout: DumpRow.Layout) throws(ImportError) -> DumpRow? {
        let number = line
        var bytes = try copyLine(keeping: Self.lineLimit, number)
        if bytes == CopyLine.end {
            block = .none
            return nil
        }
        // A carriage return of a value is always written as an escape.
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard bytes != CopyLine.end else {
            block = .none
            return nil
        }
        guard let fields = CopyLine.fields(of: bytes, isWanted: layout.isWanted) else {
            let problem = "a row of \(layout.table.rawValue) does not have its \(layout.columns.count) columns"
            throw ImportError(.damaged, problem, line: number)
        }
        return DumpRow(layout: layout, fields: fields, line: number)
    }

    private mutating func skipCopy(_ name: TableName) throws(ImportError) {
        while true {
            let bytes = try copyLine(keeping: 4, line, mayCut: true)
            if bytes == CopyLine.end || bytes == CopyLine.end + [UInt8(ascii: "\r")] { return }
            otherRows[name, default: 0] += 1
        }
    }

    private mutating func copyLine(
        keeping limit: Int, _ number: Int, mayCut: Bool = false
    ) throws(ImportError) -> [UInt8] {
        guard let line = try lexer.reader.restOfLine(keeping: limit), line.isTerminated else {
            throw ImportError(.damaged, "the dump is truncated: it ends inside a COPY block", line: number)
        }
        guard mayCut || !line.isCut else { throw ImportError(.unsuitable, "a row is longer than 64 MiB", line: number) }
        return line.bytes
    }
}
