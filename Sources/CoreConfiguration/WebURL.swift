/// An `http` or `https` address that an operator has written down for this core to post to.
struct WebURL: Sendable, Equatable {
    /// Whether it is `https`.
    let isEncrypted: Bool
    /// The host and the port, as they were written.
    let authority: String
    /// The host alone, an IPv6 address without its brackets.
    let host: String
    /// Path and query, as they were written; may be empty.
    let rest: String

    /// Reads an address; `nil` for one with a user, a password or a fragment, and for one with a character that a URL does not
    /// have.
    init?(_ text: String) {
        let schemes: [(prefix: String, isEncrypted: Bool)] = [("http://", false), ("https://", true)]
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0.prefix) }), text.utf8.count <= 2_048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#""\<>^`{|}#@"#.utf8.contains($0) })
        else { return nil }
        let after = text.dropFirst(scheme.prefix.count)
        let authority = after.prefix { $0 != "/" && $0 != "?" }
        guard let host = Self.host(of: authority) else { return nil }
        isEncrypted = scheme.isEncrypted
        self.authority = String(authority)
        self.host = host
        rest = String(after.dropFirst(authority.count))
    }

    private static func host(of text: Substring) -> String? {
        var (host, rest) = (text.prefix { $0 != ":" }, text.drop { $0 != ":" })
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            (host, rest) = (text[...end].dropFirst().dropLast(), text[text.index(after: end)...])
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else {
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || "-._".contains($0) }) else { return nil }
        }
        let hasPort = rest.isEmpty || (rest.first == ":" && UInt16(rest.dropFirst()).map { $0 > 0 } ?? false)
        return host.isEmpty || !hasPort ? nil : String(host)
    }
}
