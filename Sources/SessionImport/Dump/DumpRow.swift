/// A row of a table that the import reads.
struct DumpRow {
    /// The columns of a block of rows, and which of them matter.
    struct Layout {
        let table: SourceTable
        let columns: [String]
        let isWanted: [Bool]

        init(_ table: SourceTable, columns: [String]) {
            let wanted = Set(table.neededColumns + table.otherColumns)
            self.table = table
            self.columns = columns
            isWanted = columns.map(wanted.contains)
        }
    }

    let layout: Layout
    /// One for each column.
    let fields: [[UInt8]?]
    /// The line of the dump it begins in.
    let line: Int

    /// Whether the table has a column.
    func has(_ column: String) -> Bool { layout.columns.contains(column) }

    /// A text; `nil` for NULL and for a column that this generation does not have.
    func text(_ column: String) throws(ImportError) -> String? {
        guard let index = layout.columns.firstIndex(of: column), let bytes = fields[index] else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw damaged(column, "not UTF-8") }
        return text
    }

    /// A text that no core leaves out.
    func neededText(_ column: String) throws(ImportError) -> String {
        guard let text = try text(column) else { throw damaged(column, "NULL") }
        return text
    }

    /// An integer; `nil` for NULL and for a column that this generation does not have.
    func integer(_ column: String) throws(ImportError) -> Int64? {
        guard let text = try text(column) else { return nil }
        guard let number = Int64(text) else { throw damaged(column, "not an integer") }
        return number
    }

    /// An integer that no core leaves out.
    func neededInteger(_ column: String) throws(ImportError) -> Int64 {
        guard let number = try integer(column) else { throw damaged(column, "NULL") }
        return number
    }

    /// A Boolean, in the spelling of COPY or of INSERT.
    func boolean(_ column: String) throws(ImportError) -> Bool? {
        guard let text = try text(column) else { return nil }
        switch text {
        case "t", "true": return true
        case "f", "false": return false
        default: throw damaged(column, "neither true nor false")
        }
    }

    func damaged(_ column: String, _ problem: String) -> ImportError {
        ImportError(.damaged, "column \(column) of \(layout.table.rawValue) is \(problem)", line: line)
    }
}
