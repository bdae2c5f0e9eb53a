import Foundations

extension SQLLexer {
    /// The value of a string literal whose opening quote has been taken.
    mutating func literal(_ keeps: Bool, escapes: Bool) throws(ImportError) -> [UInt8] {
        let start = reader.line
        var value: [UInt8] = []
        while var byte = try reader.next() {
            if byte == SQLByte.quote, try !reader.take(SQLByte.quote) { return value }
            if escapes, byte == SQLByte.backslash {
                guard let escaped = try escapedByte() else { break }
                byte = escaped
            }
            guard keeps else { continue }
            guard value.count < Self.valueLimit else {
                throw ImportError(.unsuitable, "a value is longer than 64 MiB", line: start)
            }
            value.append(byte)
        }
        throw ImportError(.damaged, "the dump is truncated: it ends in a string", line: start)
    }

    /// The byte that an escape stands for; `nil` at the end.
    private mutating func escapedByte() throws(ImportError) -> UInt8? {
        guard let byte = try reader.next() else { return nil }
        if let digit = Escape.octalDigit(byte) {
            return try number(from: digit, base: 8, digits: 2, Escape.octalDigit)
        }
        if byte == UInt8(ascii: "x"), let first = try reader.peek(), Hex.value(ofDigit: first) != nil {
            return try number(from: 0, base: 16, digits: 2, Hex.value)
        }
        if byte == UInt8(ascii: "u") || byte == UInt8(ascii: "U") {
            throw ImportError(.unsuitable, "a string with \\u escapes, which pg_dump does not write", line: reader.line)
        }
        return Escape.letter(byte) ?? byte
    }

    private mutating func number(
        from first: UInt8, base: UInt8, digits: Int, _ digit: (UInt8) -> UInt8?
    ) throws(ImportError) -> UInt8 {
        var value = first
        for _ in 0..<digits {
            guard let byte = try reader.peek(), let next = digit(byte) else { break }
            _ = try reader.next()
            value = value &* base &+ next
        }
        return value
    }

    /// Passes over a text between `$tag$` and `$tag$`, whose first `$` has been taken.
    mutating func dollarQuoted() throws(ImportError) -> SQLToken {
        let start = reader.line
        var tag: [UInt8] = [SQLByte.dollar]
        while let byte = try reader.peek(), SQLByte.isNamePart(byte), byte != SQLByte.dollar {
            _ = try reader.next()
            tag.append(byte)
            guard tag.count < 256 else { return .symbol(SQLByte.dollar) }
        }
        guard try reader.take(SQLByte.dollar) else { return .symbol(SQLByte.dollar) }
        tag.append(SQLByte.dollar)
        var matched = 0
        while let byte = try reader.next() {
            // A tag begins and ends with its only two dollars, so that a mismatch can begin a new match only at one.
            matched = byte == tag[matched] ? matched + 1 : byte == SQLByte.dollar ? 1 : 0
            if matched == tag.count { return .text([]) }
        }
        throw ImportError(.damaged, "the dump is truncated: it ends in a dollar-quoted string", line: start)
    }
}

/// The escapes that COPY and E'' strings share.
enum Escape {
    static func octalDigit(_ byte: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) ? byte - UInt8(ascii: "0") : nil
    }

    /// What a letter after a backslash stands for.
    static func letter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        default: nil
        }
    }
}
