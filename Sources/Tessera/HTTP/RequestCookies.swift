import HTTPTypes

/// The cookies of a request, every one of them: two of one name are two (statements C04 and C05, case M7).
struct RequestCookies: Sendable {
    private let pairs: [(name: Substring.UTF8View, value: Substring.UTF8View)]

    /// Reads all `Cookie` fields; HTTP/2 may bring several.
    init(_ fields: HTTPFields) {
        pairs = fields[values: .cookie].flatMap { field in
            field[...].utf8.split(separator: UInt8(ascii: ";")).compactMap { part in
                guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
                let name = Self.trimmed(part[..<equals])
                return name.isEmpty ? nil : (name, Self.trimmed(part[part.index(after: equals)...]))
            }
        }
    }

    /// The decoded values of a name, in the order in which they came; names are compared byte by byte.
    func values(_ name: String) -> [String] {
        pairs.lazy.filter { $0.name.elementsEqual(name.utf8) }.map {
            PercentEncoding.decode(String(Substring(Self.unquoted($0.value))))
        }
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text
        while let first = text.first, first == 32 || first == 9 { text.removeFirst() }
        while let last = text.last, last == 32 || last == 9 { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let quote = UInt8(ascii: "\"")
        guard text.count >= 2, text.first == quote, text.last == quote else { return text }
        return text.dropFirst().dropLast()
    }
}
