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
        guard text.hasPrefix("[") else {
            let host = text.prefix { $0 != ":" }
            return isName(host) && isPort(text.dropFirst(host.count)) ? String(host) : nil
        }
        guard let end = text.firstIndex(of: "]") else { return nil }
        let host = text[..<end].dropFirst()
        return isAddress(host) && isPort(text[end...].dropFirst()) ? String(host) : nil
    }

    private static func isName(_ host: Substring) -> Bool {
        !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
    }

    private static func isAddress(_ host: Substring) -> Bool {
        host.contains(":") && host.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }

    /// Whether a text is a colon with a port, or nothing.
    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || (text.first == ":" && UInt16(text.dropFirst()).map { $0 > 0 } ?? false)
    }
}
