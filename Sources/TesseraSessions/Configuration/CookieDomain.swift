import Foundations

/// The hosts that get a cookie: a cookie's `Domain` (docs/specification/sdk.md 2.16.3).
struct CookieDomain: Sendable, Hashable {
    /// The domain, with its leading dot where there was one.
    let text: String

    /// Reads a domain, with or without scheme, port and path.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` for anything that names no host.
    init(_ raw: String) throws(SessionError) {
        var rest = raw.trimmed(\.isWhitespace).lowercased()[...]
        for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let hasDot = rest.hasPrefix(".")
        if hasDot { rest = rest.dropFirst() }
        let host = String(rest.prefix { !"/?#:".contains($0) })
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == ";" || $0 == "," }) else {
            throw .misconfigured("Please provide a valid sessionScope instead of '\(raw)'")
        }
        text = hasDot && host != "localhost" && !URLAuthority.isIPv4(host) ? "." + host : host
    }
}
