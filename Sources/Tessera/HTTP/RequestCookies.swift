import HTTPTypes

/// The cookies of a request, every one of them: two of one name are two (statements C04 and C05, case M7).
struct RequestCookies: Sendable {
    private let pairs: [(name: Substring, value: Substring)]

    /// Reads all `Cookie` fields; HTTP/2 may bring several.
    init(_ fields: HTTPFields) {
        pairs = fields[values: .cookie].flatMap { field in
            field.split(separator: ";").compactMap { part in
                guard let equals = part.firstIndex(of: "=") else { return nil }
                let name = Self.trimmed(part[..<equals])
                return name.isEmpty ? nil : (name, Self.trimmed(part[part.index(after: equals)...]))
            }
        }
    }

    /// The decoded values of a name, in the order in which they came; names are compared byte by byte.
    func values(_ name: String) -> [String] {
        pairs.lazy.filter { $0.name.utf8.elementsEqual(name.utf8) }.map {
            PercentEncoding.decode(Self.unquoted($0.value))
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
        return String(text.dropFirst().dropLast())
    }
}
