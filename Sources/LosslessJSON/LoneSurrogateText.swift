/// A JSON string that is no Unicode text, because half a surrogate pair stands alone in it.
///
/// JavaScript cuts an emoji in half and sends `"\\ud83d"`. No Swift `String` can hold that, so it is kept as a document
/// writes it.
public struct LoneSurrogateText: Sendable, Hashable {
    /// What stands between the quotation marks: the escape of each lone surrogate with the digits that were sent, all else
    /// as the printer writes it.
    public let written: String

    /// Trusts the parser that there is a lone surrogate in it and that every escape is whole.
    init(validated written: String) {
        self.written = written
    }

    /// The text with U+FFFD in place of each lone surrogate, for people to read.
    public var repaired: String {
        let repaired = rewritten { digits in Self.isSurrogate(digits) ? Array("\u{FFFD}".utf8) : Self.escape(digits) }
        return (try? JSONValue(parsing: "\"\(repaired)\"", limits: JSONLimits(bytes: .max)).string) ?? "\u{FFFD}"
    }

    /// The same with the digits of every escape in lower case: equal for equal texts.
    var folded: String {
        rewritten { digits in Self.escape(digits.map { UInt8(ascii: "A")...UInt8(ascii: "F") ~= $0 ? $0 | 0x20 : $0 }) }
    }

    private static func escape(_ digits: some Collection<UInt8>) -> [UInt8] { Array("\\u".utf8) + digits }

    /// Whether digits are of a surrogate, `d800` to `dfff`.
    ///
    /// A pair is never written as escapes, so it is a lone one.
    private static func isSurrogate(_ digits: some Collection<UInt8>) -> Bool {
        UInt16(String(decoding: digits, as: UTF8.self), radix: 16).map { (0xD800...0xDFFF).contains($0) } ?? false
    }

    /// The text with other escapes of four digits.
    private func rewritten(_ change: ([UInt8]) -> [UInt8]) -> String {
        let bytes = Array(written.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let isEscape = bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count
            if isEscape, bytes[index + 1] == UInt8(ascii: "u") {
                let end = min(index + 6, bytes.count)
                result.append(contentsOf: change(Array(bytes[index + 2..<end])))
                index = end
            } else {
                result.append(contentsOf: bytes[index...index + (isEscape ? 1 : 0)])
                index += isEscape ? 2 : 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Written alike, byte by byte.
    public static func == (left: LoneSurrogateText, right: LoneSurrogateText) -> Bool {
        left.written.isSameText(as: right.written)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { written.hashText(into: &hasher) }
}

/// A string of a document: nearly always a text.
enum JSONString: Sendable {
    case text(String)
    case lone(LoneSurrogateText)

    /// The text, repaired where it has a lone surrogate.
    var readable: String {
        switch self {
        case .text(let text): text
        case .lone(let text): text.repaired
        }
    }

    /// Equality of what both mean.
    func isSame(as other: JSONString) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): left.isSameText(as: right)
        case (.lone(let left), .lone(let right)): left.folded.isSameText(as: right.folded)
        default: false
        }
    }

    func isSame(as other: String) -> Bool {
        if case .text(let text) = self { text.isSameText(as: other) } else { false }
    }

    /// Whether both were written alike.
    func isWritten(like other: JSONString) -> Bool {
        switch (self, other) {
        case (.text(let left), .text(let right)): left.isSameText(as: right)
        case (.lone(let left), .lone(let right)): left == right
        default: false
        }
    }
}

/// A string as a key, equal and hashed by what it means.
struct ExactName: Hashable {
    private let string: JSONString

    init(_ string: JSONString) {
        self.string = string
    }

    init(_ text: String) {
        string = .text(text)
    }

    static func == (left: ExactName, right: ExactName) -> Bool { left.string.isSame(as: right.string) }

    func hash(into hasher: inout Hasher) {
        switch string {
        case .text(let text): text.hashText(into: &hasher)
        case .lone(let text): text.folded.hashText(into: &hasher)
        }
    }
}
