import Foundations

/// One line of a `COPY ... FROM stdin` block in PostgreSQL's text format.
enum CopyLine {
    private static let tab = UInt8(ascii: "\t")

    /// The line that ends a block.
    static let end = Array("\\.".utf8)

    /// The fields of a line; `nil` stands for NULL.
    ///
    /// - Parameters:
    ///   - line: the bytes without the line end.
    ///   - isWanted: for each column whether its value matters; others come out as NULL.
    /// - Returns: `nil` when the line has another number of fields.
    static func fields(of line: [UInt8], isWanted: [Bool]) -> [[UInt8]?]? {
        var fields: [[UInt8]?] = []
        fields.reserveCapacity(isWanted.count)
        for part in line.split(separator: tab, omittingEmptySubsequences: false) {
            guard fields.count < isWanted.count else { return nil }
            fields.append(isWanted[fields.count] ? value(of: part) : nil)
        }
        // A table without columns has empty lines.
        if isWanted.isEmpty, line.isEmpty { return [] }
        return fields.count == isWanted.count ? fields : nil
    }

    /// The value of a field; `nil` for NULL.
    static func value(of field: ArraySlice<UInt8>) -> [UInt8]? {
        if field.elementsEqual([SQLByte.backslash, UInt8(ascii: "N")]) { return nil }
        guard var position = field.firstIndex(of: SQLByte.backslash) else { return Array(field) }
        var value = Array(field[..<position])
        while position < field.endIndex {
            let byte = field[position]
            position += 1
            value.append(byte == SQLByte.backslash ? escaped(field, &position) : byte)
        }
        return value
    }

    /// The byte that an escape stands for, from the position after its backslash on.
    private static func escaped(_ field: ArraySlice<UInt8>, _ position: inout Int) -> UInt8 {
        guard position < field.endIndex else { return SQLByte.backslash }
        let byte = field[position]
        if Escape.octalDigit(byte) != nil { return number(field, &position, base: 8, digits: 3, Escape.octalDigit) }
        position += 1
        if byte == UInt8(ascii: "x"), position < field.endIndex, Hex.value(ofDigit: field[position]) != nil {
            return number(field, &position, base: 16, digits: 2, Hex.value)
        }
        return Escape.letter(byte) ?? byte
    }

    private static func number(
        _ field: ArraySlice<UInt8>, _ position: inout Int, base: UInt8, digits: Int, _ digit: (UInt8) -> UInt8?
    ) -> UInt8 {
        var value: UInt8 = 0
        for _ in 0..<digits {
            guard position < field.endIndex, let next = digit(field[position]) else { break }
            value = value &* base &+ next
            position += 1
        }
        return value
    }
}
