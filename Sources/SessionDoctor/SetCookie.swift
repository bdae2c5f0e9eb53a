package import Foundations
package import PublicSuffixList

/// A `Set-Cookie` field as browsers parse it (RFC 6265bis section 5.6).
package struct SetCookie: Sendable, Hashable {
    package enum SameSite: String, Sendable {
        case none = "None"
        case lax = "Lax"
        case strict = "Strict"
    }

    package let name: String
    /// What it carries; never printed.
    package let value: String
    /// As written, without a leading dot and in lower case.
    package private(set) var domain: String?
    package private(set) var path: String?
    package private(set) var sameSite: SameSite?
    package private(set) var isSecure = false
    package private(set) var isHTTPOnly = false
    package private(set) var isPartitioned = false
    /// `Max-Age` in seconds, which goes before `Expires`.
    package private(set) var maxAge: Int64?
    package private(set) var expires: Timestamp?
    private var shownAttributes: [String] = []

    /// Reads the value of a field.
    ///
    /// - Parameter text: what follows `Set-Cookie:`.
    /// - Returns: `nil` where browsers would ignore it all.
    package init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard let pair = parts.first, let mark = pair.firstIndex(of: "=") else { return nil }
        name = Self.trimmed(pair[..<mark])
        value = Self.trimmed(pair[pair.index(after: mark)...])
        guard !name.isEmpty else { return nil }
        for part in parts.dropFirst() {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            take(Self.trimmed(sides[0]).lowercased(), sides.count > 1 ? Self.trimmed(sides[1]) : "")
            shownAttributes.append(Self.trimmed(part))
        }
    }

    private static func trimmed(_ text: Substring) -> String { String(text.trimmed { $0 == " " || $0 == "\t" }) }

    private mutating func take(_ attribute: String, _ value: String) {
        switch attribute {
        case "domain":
            let domain = value.lowercased()
            self.domain = domain.hasPrefix(".") ? String(domain.dropFirst()) : domain
            if self.domain == "" { self.domain = nil }
        case "path": path = value.hasPrefix("/") ? value : nil
        case "samesite":
            sameSite = [SameSite.none, .lax, .strict].first { $0.rawValue.lowercased() == value.lowercased() }
        case "secure": isSecure = true
        case "httponly": isHTTPOnly = true
        case "partitioned": isPartitioned = true
        case "max-age": maxAge = Int64(value) ?? maxAge
        case "expires": expires = HTTPDate.parse(value) ?? expires
        default: break
        }
    }

    /// Whether it removes a cookie instead of setting one.
    package func isRemoval(at time: Timestamp) -> Bool {
        if let maxAge { return maxAge <= 0 }
        return expires.map { $0 <= time } ?? false
    }

    /// The field without what it carries.
    package var redacted: String {
        (["\(name)=<\(value.utf8.count) bytes>"] + shownAttributes).joined(separator: "; ")
    }

    /// Where a browser sends it: its path, or the folder of the request that set it (RFC 6265bis section 5.1.4).
    package func effectivePath(of request: WebAddress) -> String {
        if let path { return path }
        guard let slash = request.path.lastIndex(of: "/"), slash != request.path.startIndex else { return "/" }
        return String(request.path[..<slash])
    }

    /// Whether a browser sends it on a path (RFC 6265bis section 5.1.4).
    package func covers(path requested: String, of request: WebAddress) -> Bool {
        let (own, requested) = (effectivePath(of: request), requested.isEmpty ? "/" : requested)
        guard requested.hasPrefix(own) else { return false }
        return own.hasSuffix("/") || requested.count == own.count || requested.dropFirst(own.count).hasPrefix("/")
    }
}

/// Why browsers do not store a cookie (RFC 6265bis section 5.7).
package enum CookieRejection: Sendable, Hashable {
    case noneWithoutSecure
    case secureOverHTTP
    case partitionedWithoutSecure
    case foreignDomain
    case publicSuffix
    case domainWithPort
    case prefix
    case tooLarge(Int)

    /// What a browser has against a cookie, if anything.
    ///
    /// - Parameters:
    ///   - cookie: the cookie.
    ///   - address: whose answer set it.
    ///   - suffixes: says which domains are open to all.
    package static func first(
        _ cookie: SetCookie, from address: WebAddress, _ suffixes: PublicSuffixes
    ) -> CookieRejection? {
        let size = cookie.name.utf8.count + cookie.value.utf8.count
        if size > 4_096 { return .tooLarge(size) }
        if let domain = cookie.domain, let fault = judge(domain, address, suffixes) { return fault }
        if cookie.sameSite == SetCookie.SameSite.none, !cookie.isSecure { return .noneWithoutSecure }
        if cookie.isPartitioned, !cookie.isSecure { return .partitionedWithoutSecure }
        if cookie.isSecure, address.scheme == "http", !address.isLocal { return .secureOverHTTP }
        let isSecurePrefixed = cookie.name.lowercased().hasPrefix("__secure-") && !cookie.isSecure
        let isHostPrefixed =
            cookie.name.lowercased().hasPrefix("__host-")
            && (!cookie.isSecure || cookie.domain != nil || cookie.path != "/")
        return isSecurePrefixed || isHostPrefixed ? .prefix : nil
    }

    private static func judge(
        _ domain: String, _ address: WebAddress, _ suffixes: PublicSuffixes
    ) -> CookieRejection? {
        if domain.contains(":"), !address.host.contains(":") { return .domainWithPort }
        if domain == address.host { return nil }
        guard !address.isAddress, address.host.hasSuffix("." + domain) else { return .foreignDomain }
        return suffixes.registrableDomain(of: domain) == nil ? .publicSuffix : nil
    }
}
