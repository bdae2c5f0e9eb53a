import Foundations

/// A path of an API, beginning with a slash, or empty for the root (docs/specification/sdk.md 2.16.1).
package struct URLPath: Sendable, Hashable {
    /// The path.
    package let text: String

    /// Reads what people write: `/auth`, `auth/`, `https://api.example.com/auth?x=1`.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` for anything that is no path.
    package init(_ raw: String) throws(SessionError) {
        let trimmed = String(raw.trimmed(\.isWhitespace))
        let path: String
        if trimmed.hasPrefix("/") {
            path = String(trimmed.prefix { !"?#".contains($0) })
        } else if let address = URLAuthority(trimmed) {
            path = address.path
        } else if trimmed.contains("://") {
            throw .misconfigured("Please provide a valid URL path instead of '\(raw)'")
        } else {
            path = "/" + trimmed.prefix { !"?#".contains($0) }
        }
        let resolved = Self.resolved(path)
        text = resolved.hasSuffix("/") ? String(resolved.dropLast()) : resolved
    }

    /// This path followed by another.
    package func appending(_ other: URLPath) -> URLPath { URLPath(joined: text + other.text) }

    /// This path followed by a text that is known to be a path.
    func appending(_ literal: StaticString) -> URLPath { URLPath(joined: text + "\(literal)") }

    private init(joined: String) {
        text = joined
    }

    /// Takes `.` and `..` out and encodes what a URL cannot hold (RFC 3986 section 5.2.4).
    private static func resolved(_ path: String) -> String {
        var kept: [Substring] = []
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".": if isLast { kept.append("") }
            case "..":
                if !kept.isEmpty { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(part)
            }
        }
        return kept.isEmpty ? "" : "/" + kept.map(encoded).joined(separator: "/")
    }

    private static func encoded(_ part: Substring) -> String {
        part.unicodeScalars.map { scalar in
            scalar.isASCII && scalar.value > 32 && !"\"<>`{}".unicodeScalars.contains(scalar)
                ? String(scalar) : PercentEncoding.component.encode(String(scalar))
        }.joined()
    }
}
