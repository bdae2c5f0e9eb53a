/// Reads the rows that matter out of a plain-text dump of PostgreSQL, one at a time, in constant memory.
///
/// It understands what `pg_dump` writes: `CREATE TABLE`, `COPY ... FROM stdin` and `INSERT INTO ... VALUES`. All other
/// statements are passed over.
struct DumpReader {
    var lexer: SQLLexer
    let selection: TableSelection
    /// The columns of the tables that the dump creates.
    var columns: [TableName: [String]] = [:]
    /// How many rows there are in each table that is not imported.
    var otherRows: [TableName: Int] = [:]
    /// The tables of the selection for which the dump has data or a definition.
    var found: Set<SourceTable> = []
    var block = Block.none

    /// What the reader is in the middle of.
    enum Block {
        case none
        case copy(DumpRow.Layout)
        case values(DumpRow.Layout)
    }

    /// The longest line of a COPY block.
    static let lineLimit = SQLLexer.valueLimit

    init(_ chunks: any DumpChunks, selection: TableSelection) {
        lexer = SQLLexer(ByteReader(chunks))
        self.selection = selection
    }

    /// How many bytes have been read.
    var position: Int64 { lexer.reader.position }

    /// The next row; `nil` at the end of a whole dump.
    ///
    /// - Throws: ``ImportError``; at the end too, when the dump does not say that it is complete.
    mutating func nextRow() throws(ImportError) -> DumpRow? {
        while true {
            switch block {
            case .copy(let layout): if let row = try copyRow(layout) { return row }
            case .values(let layout): if let row = try valuesRow(layout) { return row }
            case .none: if try !nextStatement() { return nil }
            }
        }
    }

    /// Begins or passes over a statement; `false` at the end.
    private mutating func nextStatement() throws(ImportError) -> Bool {
        switch try lexer.next() {
        case .end:
            try checkEnd()
            return false
        case .word("create"): try createStatement()
        case .word("copy"): try copyStatement()
        case .word("insert"): try insertStatement()
        case .word("set"): try setStatement()
        case .statementEnd, .metaCommand: break
        default: try skipStatement()
        }
        return true
    }

    private func checkEnd() throws(ImportError) {
        guard !lexer.isComplete else { return }
        throw ImportError(
            .damaged, "the dump is truncated: it ends without \"PostgreSQL database dump complete\"", line: line)
    }

    /// The line the reader is in.
    var line: Int { lexer.reader.line }

    /// Passes over the rest of a statement, and counts the groups in brackets at its top level.
    @discardableResult
    mutating func skipStatement() throws(ImportError) -> Int {
        var depth = 0
        var groups = 0
        while true {
            switch try lexer.next() {
            case .statementEnd: return groups
            case .end: throw cutOff()
            case .open:
                if depth == 0 { groups += 1 }
                depth += 1
            case .close: depth -= 1
            default: break
            }
        }
    }

    func cutOff() -> ImportError {
        ImportError(.damaged, "the dump is truncated: it ends inside a statement", line: line)
    }

    /// The settings that change how the rest has to be read.
    private mutating func setStatement() throws(ImportError) {
        guard let name = try lexer.next().name else { return try skipStatement(after: .statementEnd) }
        var value = ""
        while true {
            let token = try lexer.next(keepsText: true)
            switch token {
            case .statementEnd: return try apply(name, value)
            case .end: throw cutOff()
            case .text(let bytes): value = String(decoding: bytes, as: UTF8.self)
            default: value = token.name ?? value
            }
        }
    }

    private mutating func skipStatement(after token: SQLToken) throws(ImportError) {
        if token != .statementEnd { try skipStatement() }
    }

    private mutating func apply(_ name: String, _ value: String) throws(ImportError) {
        if name == "standard_conforming_strings" { lexer.hasStandardStrings = value != "off" }
        if name == "client_encoding", !["utf8", "utf-8", "unicode"].contains(value.lowercased()) {
            throw ImportError(
                .unsuitable, "the dump is in the encoding \(value); run pg_dump with --encoding=UTF8", line: line)
        }
    }
}
