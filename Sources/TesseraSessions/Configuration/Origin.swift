import Foundations

/// Where an API or a website is: scheme, host and port, without a path (docs/specification/sdk.md 2.16.2).
package struct Origin: Sendable, Hashable {
    /// `http`, `https`, or for a website that lives in an app or an extension the scheme of that.
    package let scheme: String
    /// The host in lower case and in A-labels; an IPv6 address is in brackets.
    package let host: String
    /// The port, where it is not the scheme's own.
    package let port: Int?

    /// Reads what people write into a configuration: `api.example.com`, `https://API.example.com/one`, `localhost:4000`,
    /// `http://[::1]:3567`, `https://bücher.example`.
    ///
    /// - Parameters:
    ///   - raw: the text.
    ///   - allowsAppSchemes: whether pages of apps and extensions are meant too, whose origins are such as
    ///     `capacitor://localhost`, `tauri://localhost` and `chrome-extension://<id>`.
    /// - Throws: ``SessionError/misconfigured(_:)`` for anything that names no host, with what to do.
    package init(_ raw: String, allowsAppSchemes: Bool = false) throws(SessionError) {
        let address: URLAuthority
        do throws(URLAuthority.Problem) {
            address = try URLAuthority(reading: raw, allowsAppSchemes: allowsAppSchemes)
        } catch {
            throw .misconfigured(
                "Please provide a valid domain name instead of \(URLAuthority.shown(raw)): \(error.advice)")
        }
        let isLocal =
            address.host.hasPrefix("localhost") || HostName.isIPv4(address.host) || HostName.isIPv6(address.host)
        scheme = address.scheme ?? (isLocal ? "http" : "https")
        host = address.host
        let usual = ["https": 443, "http": 80][scheme]
        port = address.port == usual ? nil : address.port
    }

    /// Whether it is reached over TLS.
    package var isHTTPS: Bool { scheme == "https" }

    /// Whether it is a place on the web, and not inside an app or an extension.
    var isWeb: Bool { scheme == "https" || scheme == "http" }

    /// The origin as browsers write it (RFC 6454 section 6.2).
    package var text: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }
}

/// The parts of what people write for an address; no URL parser of a platform, because they differ.
struct URLAuthority {
    /// Why a text is no address.
    enum Problem: Error {
        case host(HostName.Problem)
        case port, userinfo, scheme, opaque

        var advice: String {
            switch self {
            case .host(let problem): problem.advice
            case .port: "a port is a number from 1 to 65535"
            case .userinfo: "an address has no user name and no password"
            case .scheme: "the scheme is http or https"
            case .opaque:
                "pages from files and frames without an origin say 'null', which many others say too: do not trust it"
            }
        }
    }

    var scheme: String?
    var host: String
    var port: Int?
    /// What follows the host, without query and fragment.
    var path: String

    /// Schemes whose pages have no origin of their own, or that are no pages.
    private static let opaqueSchemes: Set<String> = ["file", "data", "blob", "about", "javascript", "ws", "wss"]

    /// Reads an address of the web; `nil` for anything else.
    init?(_ raw: String) {
        do throws(Problem) { try self.init(reading: raw, allowsAppSchemes: false) } catch { return nil }
    }

    /// Reads an address that has a scheme, or whose first part looks like a host.
    ///
    /// - Throws: ``Problem``.
    init(reading raw: String, allowsAppSchemes: Bool) throws(Problem) {
        var rest = raw.trimmed(\.isWhitespace)
        if let found = try Self.scheme(of: rest, allowsAppSchemes) {
            scheme = found
            rest = rest.dropFirst(found.count + 3)
        } else {
            if rest.hasPrefix("."), !rest.hasPrefix("./") { rest = rest.dropFirst() }
            let first = rest.prefix { !"/?#".contains($0) }
            guard first.contains(".") || first.hasPrefix("[") || first.lowercased().hasPrefix("localhost") else {
                throw .host(.empty)
            }
        }
        if rest.hasPrefix(".") { rest = rest.dropFirst() }
        let authority = rest.prefix { !"/?#".contains($0) }
        path = String(rest.dropFirst(authority.count).prefix { !"?#".contains($0) })
        guard !authority.contains("@") else { throw .userinfo }
        let name = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let end = authority.hasPrefix("[") ? authority.dropFirst(name.count).prefix(1) : ""
        let tail = authority.dropFirst(name.count + end.count)
        port = try Self.port(tail, of: authority)
        do throws(HostName.Problem) { host = try HostName(name + end).text } catch { throw .host(error) }
    }

    /// An address as a message may show it: without what may be a password, and not without end.
    static func shown(_ raw: String) -> String {
        raw.contains("@") ? "this one" : "'\(raw.prefix(100))'"
    }

    /// The scheme before `://`.
    private static func scheme(of text: Substring, _ allowsAppSchemes: Bool) throws(Problem) -> String? {
        if text == "null" { throw .opaque }
        let before = text.prefix { $0 != ":" && $0 != "/" && $0 != "?" && $0 != "#" }
        guard text.dropFirst(before.count).hasPrefix("://") else { return nil }
        let scheme = before.lowercased()
        if scheme == "http" || scheme == "https" { return scheme }
        guard allowsAppSchemes else { throw .scheme }
        guard !opaqueSchemes.contains(scheme) else { throw .opaque }
        guard let first = scheme.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first),
            scheme.utf8.allSatisfy(isSchemeCharacter)
        else { throw .scheme }
        return scheme
    }

    /// RFC 3986 section 3.1.
    private static func isSchemeCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func port(_ tail: Substring, of authority: Substring) throws(Problem) -> Int? {
        if tail.isEmpty { return nil }
        guard tail.hasPrefix(":") else { throw .host(.name) }
        let digits = tail.dropFirst()
        // More colons without brackets are an IPv6 address.
        if digits.contains(":"), !authority.hasPrefix("[") { throw .host(.brackets) }
        guard (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = Int(digits),
            (1...65_535).contains(port)
        else { throw .port }
        return port
    }
}
