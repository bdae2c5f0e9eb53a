package import Foundations

/// Whether a browser sends a cookie with requests that other sites cause (RFC 6265bis section 5.6.7).
public enum SameSite: String, Sendable, CaseIterable {
    /// Not at all.
    case strict = "Strict"
    /// Only when the user follows a link.
    case lax = "Lax"
    /// Always; browsers want `Secure` with it.
    case none = "None"
}

/// A cookie for a response.
package struct SetCookie: Sendable, Equatable, Redacted {
    /// What browsers keep of a cookie's name and value together, in bytes (RFC 6265bis section 5.7).
    package static let maximumLength = 4_096

    /// Its name, case-exact.
    package var name: String
    /// Its value, before percent-encoding; never log it.
    package var value: String
    /// The domain whose hosts get it; `nil` for the host that set it only.
    package var domain: String?
    /// The paths it is sent to.
    package var path: String
    /// When the browser drops it.
    package var expiresAt: Timestamp
    /// Whether scripts cannot read it.
    package var isHTTPOnly: Bool
    /// Whether it travels over TLS only.
    package var isSecure: Bool
    /// Whether it is sent with cross-site requests.
    package var sameSite: SameSite
    /// For how many seconds the browser keeps it, whatever its clock says (RFC 6265 section 4.1.2.2); `nil` is not sent.
    package var maxAge: Int64?
    /// Whether each top-level site has a jar of its own for it (`Partitioned`, CHIPS).
    package var isPartitioned = false
    /// Whether it ends with the browser: neither `Expires` nor `Max-Age` is sent.
    package var endsWithBrowser = false
    /// Whether the line is written as short as one that only removes a cookie can be.
    package var isShort = false

    /// Creates a cookie; it is for servers only (`HttpOnly`) by default.
    package init(
        name: String, value: String, domain: String? = nil, path: String, expiresAt: Timestamp, isSecure: Bool,
        sameSite: SameSite, isHTTPOnly: Bool = true
    ) {
        self.name = name
        self.value = value
        self.domain = domain
        self.path = path
        self.expiresAt = expiresAt
        self.isHTTPOnly = isHTTPOnly
        self.isSecure = isSecure
        self.sameSite = sameSite
    }

    /// What browsers count of a cookie: its name, and its value as it is written.
    package var measuredLength: Int { name.utf8.count + PercentEncoding.component.encode(value).utf8.count }

    /// The field's value, attributes in the order that SuperTokens' SDKs write (docs/specification/cases.md B11), and
    /// after them those that they do not have.
    package var fieldValue: String {
        var parts = ["\(name)=\(PercentEncoding.component.encode(value))"]
        if let domain { parts.append("Domain=\(domain)") }
        parts.append("Path=\(path)")
        if !endsWithBrowser { parts.append("Expires=\(HTTPDate.text(expiresAt))") }
        if isHTTPOnly && !isShort { parts.append("HttpOnly") }
        if isSecure { parts.append("Secure") }
        if !isShort || sameSite == .none { parts.append("SameSite=\(sameSite.rawValue)") }
        if isPartitioned { parts.append("Partitioned") }
        if let maxAge, !isShort, !endsWithBrowser { parts.append("Max-Age=\(maxAge)") }
        return parts.joined(separator: "; ")
    }

    /// Whether a browser keeps both in one place, so that the later replaces the earlier (RFC 6265bis section 5.7).
    func replaces(_ other: SetCookie) -> Bool {
        name == other.name && bareDomain == other.bareDomain && path == other.path
            && isPartitioned == other.isPartitioned
    }

    /// The domain without the leading dot, which browsers pass over (RFC 6265 section 5.2.3).
    private var bareDomain: Substring? { domain.map { $0.hasPrefix(".") ? $0.dropFirst() : $0[...] } }

    /// The name without the value.
    package var description: String { "\(name)=<redacted>; Path=\(path)" }
}
