import Foundations

/// The hosts that get a cookie: a cookie's `Domain` (docs/specification/sdk.md 2.16.3).
struct CookieDomain: Sendable, Hashable {
    /// The domain, with its leading dot where there was one.
    let text: String

    /// The domain without its leading dot.
    var host: String { text.hasPrefix(".") ? String(text.dropFirst()) : text }

    /// Reads a domain, with or without scheme, port and path.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` for anything that names no host.
    init(_ raw: String) throws(SessionError) {
        let trimmed = raw.trimmed(\.isWhitespace)
        let lower = trimmed.lowercased()
        let scheme = ["http://", "https://"].first(where: lower.hasPrefix) ?? ""
        var rest = trimmed.dropFirst(scheme.count)
        let hasDot = rest.hasPrefix(".")
        if hasDot { rest = rest.dropFirst() }
        let address: URLAuthority
        do throws(URLAuthority.Problem) {
            // A name of one label is a domain here, so the scheme is said.
            address = try URLAuthority(reading: "http://" + rest, allowsAppSchemes: false)
        } catch {
            throw .misconfigured(
                "Please provide a valid sessionScope instead of \(URLAuthority.shown(raw)): \(error.advice)")
        }
        let isPlain = address.host == "localhost" || HostName.isIPv4(address.host) || HostName.isIPv6(address.host)
        text = hasDot && !isPlain ? "." + address.host : address.host
    }
}
