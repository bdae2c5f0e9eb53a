package import PublicSuffixList

/// Where something is on the web: scheme, host, port and path of an `http` or `https` URL.
package struct WebAddress: Sendable, Hashable {
    /// `http` or `https`.
    package let scheme: String
    /// In lower case; an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// Begins with `/`, or is empty; without a query.
    package let path: String

    /// Reads a URL; a query and a fragment are left out.
    ///
    /// - Parameter text: a whole URL such as `https://api.example.com/auth`.
    /// - Returns: `nil` for another scheme, for user information and for what is no URL.
    package init?(_ text: String) {
        let lowered = text.lowercased()
        guard let scheme = ["http", "https"].first(where: { lowered.hasPrefix($0 + "://") }) else { return nil }
        let rest = text.dropFirst(scheme.count + 3).prefix { $0 != "?" && $0 != "#" }
        let authority = rest.prefix { $0 != "/" }
        guard let (host, port) = Self.hostAndPort(authority.lowercased()) else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "https" ? 443 : 80)
        path = String(rest.dropFirst(authority.count))
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    }

    private init(_ other: WebAddress, path: String) {
        (scheme, host, port, self.path) = (other.scheme, other.host, other.port, path)
    }

    private static func hostAndPort(_ authority: String) -> (host: String, port: Int?)? {
        var (host, rest): (Substring, Substring)
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            (host, rest) = (authority[..<end].dropFirst(), authority[authority.index(after: end)...])
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority.dropFirst(host.count)
        }
        let isName = host.utf8.allSatisfy { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ":") || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
        }
        guard !host.isEmpty, isName else { return nil }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
        return (String(host), Int(port))
    }

    /// This address with another path.
    package func at(_ path: String) -> WebAddress { WebAddress(self, path: path) }

    /// This address with one slash less at its end, for paths to be appended.
    package var base: WebAddress { path.hasSuffix("/") ? at(String(path.dropLast())) : self }

    private var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (scheme == "https" ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The origin as browsers write it in `Origin` (RFC 6454 section 6.2).
    package var origin: String { "\(scheme)://\(authority)" }

    /// What goes into `Host`.
    package var hostField: String { authority }

    /// The whole URL.
    package var text: String { origin + path }

    /// Whether the host is an IP address and no name.
    package var isAddress: Bool { host.contains(":") || Self.isIPv4(host) }

    /// Whether browsers take the host for this machine itself, where `Secure` needs no `https`.
    package var isLocal: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "::1"
            || (Self.isIPv4(host) && host.hasPrefix("127."))
    }

    private static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The registrable domain of the host; the host itself for addresses and single words.
    package func registrableDomain(_ suffixes: PublicSuffixes) -> String {
        isAddress ? host : suffixes.registrableDomain(of: host) ?? host
    }

    /// Whether both are one site: scheme and registrable domain are equal (RFC 6265bis section 5.2, schemeful).
    package func isSameSite(as other: WebAddress, _ suffixes: PublicSuffixes) -> Bool {
        scheme == other.scheme && registrableDomain(suffixes) == other.registrableDomain(suffixes)
    }
}
