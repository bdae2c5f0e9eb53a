/// A dictionary of RFC 9651 (Structured Field Values for HTTP) with the forms that this core has a use for.
struct StructuredDictionary {
    /// A value without its parameters.
    enum Value: Equatable {
        case flag(Bool)
        case number(Int64)
        case text(String)
        /// An inner list of texts.
        case list([String])
        /// A form that means nothing here, such as a decimal.
        case other
    }

    /// The members; of a name that comes twice the last one counts (RFC 9651 section 4.2.2).
    private(set) var members: [String: Value] = [:]

    /// Reads a field's value; `nil` for what is no dictionary.
    init?(_ text: String) {
        var parser = StructuredParser(text)
        parser.skipBlanks()
        while !parser.isAtEnd {
            guard let name = parser.key() else { return nil }
            guard let value = parser.take("=") ? parser.item() : Value.flag(true), parser.skipParameters() else {
                return nil
            }
            members[name] = value
            parser.skipBlanks()
            if parser.isAtEnd { return }
            guard parser.take(",") else { return nil }
            parser.skipBlanks()
            if parser.isAtEnd { return nil }
        }
    }
}

/// Reads the parts of a structured field, byte by byte.
private struct StructuredParser {
    typealias Value = StructuredDictionary.Value

    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skipBlanks() { rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func key() -> String? {
        guard let first = rest.first, Self.isLower(first) || first == UInt8(ascii: "*") else { return nil }
        return text { Self.isLower($0) || Self.isDigit($0) || "_-.*".utf8.contains($0) }
    }

    mutating func item() -> Value? {
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "("): return list()
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "?"): return flag()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
        // Tokens, bytes, dates and display strings: read over, up to what ends an item.
        default: return text { !",;) \t".utf8.contains($0) }.isEmpty ? nil : .other
        }
    }

    /// Reads over `;name=value`; returns whether they are well formed.
    mutating func skipParameters() -> Bool {
        while take(";") {
            skipBlanks()
            guard key() != nil else { return false }
            if take("="), item() == nil { return false }
        }
        return true
    }

    private mutating func flag() -> Value? {
        guard take("?") else { return nil }
        if take("1") { return .flag(true) }
        return take("0") ? .flag(false) : nil
    }

    /// An integer of at most 15 digits, or a decimal.
    private mutating func number() -> Value? {
        let isNegative = take("-")
        let digits = text(Self.isDigit)
        guard (1...15).contains(digits.utf8.count), let number = Int64(digits) else { return nil }
        if take(".") { return (1...3).contains(text(Self.isDigit).utf8.count) ? .other : nil }
        return .number(isNegative ? -number : number)
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst(), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else {
                    return nil
                }
                bytes.append(next)
            case 0x20...0x7E: bytes.append(byte)
            default: return nil
            }
        }
        return nil
    }

    private mutating func list() -> Value? {
        guard take("(") else { return nil }
        var (texts, isKnown) = ([String](), true)
        while true {
            skipBlanks()
            if take(")") { return isKnown ? .list(texts) : .other }
            guard rest.first != UInt8(ascii: "("), let value = item(), skipParameters() else { return nil }
            if case .text(let text) = value { texts.append(text) } else { isKnown = false }
            guard let next = rest.first, next == UInt8(ascii: " ") || next == UInt8(ascii: ")") else { return nil }
        }
    }

    private mutating func text(_ belongs: (UInt8) -> Bool) -> String {
        let part = rest.prefix(while: belongs)
        rest = rest[part.endIndex...]
        return String(decoding: part, as: UTF8.self)
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
