/// The cookies of a request, every one of them: two of one name are two (docs/specification/security.md C04 and C05).
package struct ReceivedCookies: Sendable {
    private typealias Bytes = Slice<UnsafeBufferPointer<UInt8>>

    private struct Cookie {
        let name: String
        let value: String
        /// Whether the value may have escapes in it.
        let isEscaped: Bool

        /// A value with bad escapes is taken as it is, as every cookie reader does (docs/specification/cases.md F3).
        var decoded: String { isEscaped ? PercentEncoding.decode(value.utf8) ?? value : value }
    }

    private let cookies: [Cookie]

    /// Reads all `Cookie` fields; HTTP/2 may bring several.
    package init(_ fields: some Sequence<String>) {
        var cookies: [Cookie] = []
        for var field in fields {
            field.withUTF8 { Self.read($0, into: &cookies) }
        }
        self.cookies = cookies
    }

    /// The decoded values of a name, in the order in which they came; names are compared byte by byte.
    package func values(_ name: String) -> [String] {
        found(name).map(\.decoded)
    }

    /// The first value of a name, decoded.
    package func first(_ name: String) -> String? {
        found(name).first?.decoded
    }

    /// How many cookies have a name.
    package func count(of name: String) -> Int { found(name).count }

    private func found(_ name: String) -> [Cookie] {
        cookies.filter { $0.name.utf8.count == name.utf8.count && $0.name.utf8.elementsEqual(name.utf8) }
    }

    private static func read(_ field: UnsafeBufferPointer<UInt8>, into cookies: inout [Cookie]) {
        var start = field.startIndex
        while start < field.endIndex {
            let end = field.position(of: UInt8(ascii: ";"), in: start..<field.endIndex) ?? field.endIndex
            if let equals = field.position(of: UInt8(ascii: "="), in: start..<end) {
                let name = String(decoding: field[start..<equals].trimmed(isBlank), as: UTF8.self)
                let value = String(decoding: unquoted(field[(equals + 1)..<end].trimmed(isBlank)), as: UTF8.self)
                let isEscaped = field.position(of: UInt8(ascii: "%"), in: equals..<end) != nil
                if !name.isEmpty { cookies.append(Cookie(name: name, value: value, isEscaped: isEscaped)) }
            }
            start = end + 1
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func unquoted(_ text: Bytes) -> Bytes {
        let quote = UInt8(ascii: "\"")
        guard text.count >= 2, text.first == quote, text.last == quote else { return text }
        return text.dropFirst().dropLast()
    }
}
