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

    /// The field's value, attributes in the order that SuperTokens' SDKs write (docs/specification/cases.md B11).
    package var fieldValue: String {
        var parts = ["\(name)=\(PercentEncoding.component.encode(value))"]
        if let domain { parts.append("Domain=\(domain)") }
        parts += ["Path=\(path)", "Expires=\(HTTPDate.text(expiresAt))"]
        if isHTTPOnly { parts.append("HttpOnly") }
        if isSecure { parts.append("Secure") }
        parts.append("SameSite=\(sameSite.rawValue)")
        return parts.joined(separator: "; ")
    }

    /// Whether a browser keeps both in one place, so that the later replaces the earlier (RFC 6265bis section 5.7).
    func replaces(_ other: SetCookie) -> Bool { name == other.name && domain == other.domain && path == other.path }

    /// The name without the value.
    package var description: String { "\(name)=<redacted>; Path=\(path)" }
}
