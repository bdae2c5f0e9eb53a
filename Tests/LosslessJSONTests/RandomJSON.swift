import LosslessJSON
import TestSupport
import Testing

/// Random values that use everything JSON has.
struct RandomJSON {
    var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    private static let texts = [
        "", "a", "caf\u{E9}", "cafe\u{301}", "\u{0}", "\u{1F}", "\"", "\\", "/", "\u{2028}", "\u{2029}", "😀",
        "\u{FFFF}",
        "\u{7F}", "line\nbreak", "é\u{2028}\"", "\u{E000}", "\u{10FFFF}", "</script>",
    ]
    /// Halves of surrogate pairs, as documents write them.
    private static let halves = ["\\ud83d", "\\ude00", "\\uDBFF", "\\udfff", "\\uD800", "\\uDc00"]
    private static let numbers = ["0", "-0", "1e+30", "12345678901234567890", "1000.0", "-1.5E-7", "9007199254740993"]

    mutating func value(depth: Int = 0) throws -> JSONValue {
        switch Int.random(in: 0..<(depth > 5 ? 4 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return try number()
        case 3: return try string()
        case 4: return .array(try (0..<Int.random(in: 0...4, using: &random)).map { _ in try value(depth: depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0...5, using: &random) { object[text()] = try value(depth: depth + 1) }
            if random.chance(percent: 20) { object.append(try oddMember(depth)) }
            return .object(object)
        }
    }

    private mutating func number() throws -> JSONValue {
        if Bool.random(using: &random) { return .integer(Int64.random(in: .min ... .max, using: &random)) }
        return try JSONValue(parsing: Self.numbers.randomElement(using: &random) ?? "0")
    }

    private mutating func text() -> String {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in Self.texts.randomElement(using: &random) ?? "" }.joined()
    }

    /// A string, now and then one with lone surrogates.
    private mutating func string() throws -> JSONValue {
        guard random.chance(percent: 25) else { return .string(text()) }
        return try JSONValue(parsing: oddText())
    }

    /// A member whose name has a lone surrogate.
    private mutating func oddMember(_ depth: Int) throws -> JSONObject.Member {
        let value = try value(depth: depth + 1)
        let object = try JSONValue(parsing: "{\(oddText()):\(value.text)}").object
        return try #require(object?.members.first)
    }

    /// A string of a document with at least one lone surrogate, written as the printer writes one.
    private mutating func oddText() -> String {
        let before = JSONValue.string(text()).text.dropLast()
        let after = JSONValue.string(text()).text.dropFirst()
        return before + (Self.halves.randomElement(using: &random) ?? "") + after
    }

    /// The document with a little damage.
    mutating func damaged(_ document: [UInt8]) -> [UInt8] {
        var bytes = document
        let pieces: [[UInt8]] = [
            Array("{}".utf8), Array("[".utf8), Array("\\u".utf8), Array("\"".utf8), Array("\\ud83d".utf8), [0xFF],
            [0xE2],
            Array("1e".utf8), Array(",".utf8), Array(":".utf8), [0], Array("null".utf8), Array("\\".utf8),
        ]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where index < bytes.count: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1 where index < bytes.count: bytes.remove(at: index)
            case 2: bytes = Array(bytes[..<index])
            case 3: bytes.insert(contentsOf: bytes.suffix(Int.random(in: 0...9, using: &random)), at: index)
            default: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: index)
            }
        }
        return bytes
    }
}
