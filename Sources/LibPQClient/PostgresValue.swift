import Foundations

/// A value of a parameter, with its type; all are sent as text.
package enum PostgresValue: Sendable {
    case text(String?)
    case integer(Int64?)
    case bool(Bool)
    case bytes([UInt8])
    case texts([String])
    case integers([Int64])

    /// The type's number in PostgreSQL's catalogue, the same in every release.
    package var type: UInt32 {
        switch self {
        case .bool: 16
        case .bytes: 17
        case .integer: 20
        case .text: 25
        case .texts: 1_009
        case .integers: 1_016
        }
    }

    /// The value as PostgreSQL reads it; `nil` for NULL.
    var encoded: String? {
        switch self {
        case .text(let text): text
        case .integer(let number): number.map { String($0) }
        case .bool(let value): value ? "t" : "f"
        case .bytes(let bytes): "\\x" + Hex.encode(bytes)
        case .texts(let texts): "{" + texts.map(Self.quoted).joined(separator: ",") + "}"
        case .integers(let numbers): "{" + numbers.map { String($0) }.joined(separator: ",") + "}"
        }
    }

    /// An element of an array literal.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    /// Whether PostgreSQL can hold the value: a text of it has no zero byte.
    package var isStorable: Bool {
        switch self {
        case .text(let text): text.map { !$0.utf8.contains(0) } ?? true
        case .texts(let texts): texts.allSatisfy { !$0.utf8.contains(0) }
        default: true
        }
    }
}
