import Foundations
import HTTPTypes
import TesseraSessions

/// The cookies of a browser (RFC 6265bis section 5.7 and 5.8).
struct CookieJar: Sendable {
    struct Cookie: Sendable {
        var name: String
        var value: String
        /// The host, or the domain whose hosts get it.
        var domain: String
        var isHostOnly = true
        var path: String
        /// `nil` until the browser is closed.
        var expiresAt: Timestamp?
        var isSecure = false
        var isHTTPOnly = false
        var sameSite = SameSite.lax
    }

    private(set) var cookies: [Cookie] = []

    /// A request as far as it decides about cookies.
    struct Context {
        var origin: Origin
        var path: String
        var isSameSite: Bool
        /// Whether the user follows a link, or sends a form that only reads.
        var isSafeNavigation: Bool
        var time: Timestamp
    }

    /// The field that goes with a request; longer paths first.
    mutating func field(for context: Context) -> String? {
        cookies.removeAll { $0.expiresAt.map { $0 <= context.time } ?? false }
        let sent = cookies.filter { Self.isSent($0, context) }
        let ordered = sent.enumerated().sorted {
            ($1.element.path.utf8.count, $0.offset) < ($0.element.path.utf8.count, $1.offset)
        }
        return ordered.isEmpty ? nil : ordered.map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }

    private static func isSent(_ cookie: Cookie, _ context: Context) -> Bool {
        let host = context.origin.host
        let isHere = host == cookie.domain || (!cookie.isHostOnly && host.hasSuffix("." + cookie.domain))
        let isAllowed =
            context.isSameSite || cookie.sameSite == .none || (cookie.sameSite == .lax && context.isSafeNavigation)
        let path = context.path.prefix { $0 != "?" && $0 != "#" }
        return isHere && isAllowed && Self.covers(cookie.path, String(path))
            && (!cookie.isSecure || Self.isTrustworthy(context.origin))
    }

    /// Whether a cookie's path is that of a request, or one above it (RFC 6265bis section 5.1.4).
    private static func covers(_ path: String, _ request: String) -> Bool {
        request == path || request.hasPrefix(path.hasSuffix("/") ? path : path + "/")
    }

    /// Browsers take this machine as secure, whatever its scheme.
    private static func isTrustworthy(_ origin: Origin) -> Bool {
        origin.isHTTPS || origin.host == "localhost" || origin.host.hasSuffix(".localhost")
    }

    /// Takes the cookies of a response; what a browser would not keep is not kept.
    mutating func store(_ fields: [String], _ context: Context) {
        for field in fields {
            guard let cookie = Self.parsed(field, context), Self.isAcceptable(cookie, context) else { continue }
            let place = cookies.firstIndex {
                ($0.name, $0.domain, $0.isHostOnly, $0.path)
                    == (cookie.name, cookie.domain, cookie.isHostOnly, cookie.path)
            }
            if let place { cookies[place] = cookie } else { cookies.append(cookie) }
        }
        cookies.removeAll { $0.expiresAt.map { $0 <= context.time } ?? false }
    }

    private static func isAcceptable(_ cookie: Cookie, _ context: Context) -> Bool {
        let host = context.origin.host
        guard cookie.name.utf8.count + cookie.value.utf8.count <= 4_096 else { return false }
        guard host == cookie.domain || host.hasSuffix("." + cookie.domain) else { return false }
        let needsTrust = cookie.isSecure || cookie.sameSite == .none
        guard !needsTrust || isTrustworthy(context.origin) else { return false }
        guard context.isSameSite || context.isSafeNavigation || cookie.sameSite == .none else { return false }
        return hasWhatItsNameSays(cookie)
    }

    /// RFC 6265bis section 4.1.3.
    private static func hasWhatItsNameSays(_ cookie: Cookie) -> Bool {
        if cookie.name.hasPrefix("__Secure-") { return cookie.isSecure }
        if cookie.name.hasPrefix("__Host-") { return cookie.isSecure && cookie.isHostOnly && cookie.path == "/" }
        return true
    }

    /// Reads a `Set-Cookie` field (RFC 6265bis section 5.6).
    private static func parsed(_ field: String, _ context: Context) -> Cookie? {
        let parts = field.split(separator: ";", omittingEmptySubsequences: false).map { Self.pair($0) }
        guard let first = parts.first, !first.name.isEmpty else { return nil }
        var cookie = Cookie(
            name: first.name, value: first.value, domain: context.origin.host, path: defaultPath(context.path))
        var maxAge: Int64?
        for attribute in parts.dropFirst() {
            switch attribute.name.lowercased() {
            case "domain" where !attribute.value.isEmpty:
                cookie.domain = String(attribute.value.drop { $0 == "." }).lowercased()
                cookie.isHostOnly = false
            case "path" where attribute.value.hasPrefix("/"): cookie.path = attribute.value
            case "expires": cookie.expiresAt = time(attribute.value) ?? cookie.expiresAt
            case "max-age": maxAge = Int64(attribute.value) ?? maxAge
            case "secure": cookie.isSecure = true
            case "httponly": cookie.isHTTPOnly = true
            case "samesite":
                cookie.sameSite =
                    SameSite.allCases.first { $0.rawValue.lowercased() == attribute.value.lowercased() } ?? .lax
            default: break
            }
        }
        if let maxAge { cookie.expiresAt = context.time + .seconds(max(0, maxAge)) }
        return cookie
    }

    private static func pair(_ part: Substring) -> (name: String, value: String) {
        let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            .map { String($0.trimmed(\.isWhitespace)) }
        return (halves.first ?? "", halves.count > 1 ? halves[1] : "")
    }

    private static func defaultPath(_ path: String) -> String {
        let directory = path.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return directory.count > 1 ? directory.joined(separator: "/") : "/"
    }

    /// A date such as `Thu, 01 Jan 2026 00:00:00 GMT`.
    private static func time(_ text: String) -> Timestamp? {
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        let parts = text.split { " ,-".contains($0) }.map(String.init)
        guard parts.count >= 5, let month = months.firstIndex(of: parts[2].prefix(3).lowercased()) else { return nil }
        func padded(_ text: String) -> String { text.count == 1 ? "0" + text : text }
        return RFC3339.parse("\(parts[3])-\(padded("\(month + 1)"))-\(padded(parts[1]))T\(parts[4])Z")
    }
}
