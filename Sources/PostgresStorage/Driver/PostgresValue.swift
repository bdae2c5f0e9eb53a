#if PostgreSQL
    import SessionStorage

    /// A value of a parameter, with its type; all travel as text.
    enum PostgresValue: Sendable {
        case text(String?)
        case integer(Int64?)
        case bool(Bool)
        case bytes([UInt8])
        case texts([String])
        case integers([Int64])

        /// The type's number in PostgreSQL's catalogue, the same in every release.
        var type: UInt32 {
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
            case .bytes(let bytes): "\\x" + Hexadecimal.text(of: bytes)
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
        var isStorable: Bool {
            switch self {
            case .text(let text): text.map { !$0.utf8.contains(0) } ?? true
            case .texts(let texts): texts.allSatisfy { !$0.utf8.contains(0) }
            default: true
            }
        }
    }

    /// Bytes as hexadecimal digits, the form of `bytea`.
    enum Hexadecimal {
        private static let digits = Array("0123456789abcdef".utf8)

        static func text(of bytes: [UInt8]) -> String {
            var text: [UInt8] = []
            text.reserveCapacity(bytes.count * 2)
            for byte in bytes {
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
            return String(decoding: text, as: UTF8.self)
        }

        /// The bytes of a text such as `\x00ff`, or `nil`.
        static func bytes(of text: String) -> [UInt8]? {
            let digits = Array(text.utf8.dropFirst(2))
            guard text.hasPrefix("\\x"), digits.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            for index in stride(from: 0, to: digits.count, by: 2) {
                guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
                bytes.append(high << 4 | low)
            }
            return bytes
        }

        private static func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
    }
#endif
