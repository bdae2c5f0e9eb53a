extension JSONValue {
    /// Parses one JSON document (RFC 8259), strictly: UTF-8 without a byte order mark, no comments, no trailing
    /// commas, no duplicate names, bounded depth and size.
    ///
    /// - Parameters:
    ///   - bytes: the whole document.
    ///   - limits: what it may cost.
    /// - Throws: ``JSONError`` at the first fault. No input traps.
    public init(parsing bytes: some Collection<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        guard bytes.count <= limits.bytes else { throw JSONError(reason: .tooLong, offset: limits.bytes) }
        var parser = JSONParser(bytes: Array(bytes), limits: limits)
        self = try parser.document()
    }

    /// Parses the UTF-8 of a text.
    ///
    /// - Throws: ``JSONError`` at the first fault.
    public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        try self.init(parsing: text.utf8, limits: limits)
    }
}

/// A recursive-descent parser over bytes; recursion is bounded by the depth limit.
struct JSONParser {
    let bytes: [UInt8]
    let limits: JSONLimits
    var position = 0
    private var depth = 0

    init(bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let result = try value()
        skipWhitespace()
        guard position == bytes.count else { throw fault(.unexpectedCharacter) }
        return result
    }

    func fault(_ reason: JSONError.Reason) -> JSONError {
        let isAtEnd = position >= bytes.count
        return JSONError(reason: isAtEnd && reason == .unexpectedCharacter ? .unexpectedEnd : reason, offset: position)
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func value() throws(JSONError) -> JSONValue {
        switch next ?? 0 {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return JSONValue(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw fault(.unexpectedCharacter)
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < limits.depth else { throw fault(.tooDeep) }
        depth += 1
        position += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        var members: [JSONObject.Member] = []
        skipWhitespace()
        if take("}") { return JSONObject() }
        // Room for a request or a token; many small objects within one would otherwise take forty times their text.
        if depth == 1 { members.reserveCapacity(8) }
        while true {
            skipWhitespace()
            let name = try string()
            skipWhitespace()
            guard take(":") else { throw fault(.unexpectedCharacter) }
            skipWhitespace()
            members.append(JSONObject.Member(name, try value()))
            skipWhitespace()
            if take("}") { break }
            guard take(",") else { throw fault(.unexpectedCharacter) }
        }
        guard JSONObject.namesDiffer(in: members) else { throw fault(.duplicateName) }
        return JSONObject(uniqueMembers: members)
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        skipWhitespace()
        if take("]") { return [] }
        while true {
            skipWhitespace()
            elements.append(try value())
            skipWhitespace()
            if take("]") { return elements }
            guard take(",") else { throw fault(.unexpectedCharacter) }
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let length = text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { expected in
            bytes.count - position >= length && bytes[position..<position + length].elementsEqual(expected)
        }
        guard matches else { throw fault(.unexpectedCharacter) }
        position += length
        return value
    }

    // -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = position
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        guard position - start <= limits.numberLength else { throw fault(.invalidNumber) }
        return JSONNumber(validated: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw fault(.invalidNumber) }
    }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
}
