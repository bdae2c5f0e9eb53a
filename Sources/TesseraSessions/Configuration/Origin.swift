import Foundations

/// Where an API or a website is: scheme, host and port, without a path (docs/specification/sdk.md 2.16.2).
package struct Origin: Sendable, Hashable {
    /// `http` or `https`.
    package let scheme: String
    /// The host in lower case.
    package let host: String
    /// The port, where it is not the scheme's own.
    package let port: Int?

    /// Reads what people write into a configuration: `api.example.com`, `https://API.example.com/one`, `localhost:4000`.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` for anything that names no host.
    package init(_ raw: String) throws(SessionError) {
        guard let address = URLAuthority(raw), !address.host.isEmpty else {
            throw .misconfigured("Please provide a valid domain name instead of '\(raw)'")
        }
        let isLocal = address.host.hasPrefix("localhost") || URLAuthority.isIPv4(address.host)
        scheme = address.scheme ?? (isLocal ? "http" : "https")
        host = address.host
        port = address.port == (scheme == "https" ? 443 : 80) ? nil : address.port
    }

    /// Whether it is reached over TLS.
    package var isHTTPS: Bool { scheme == "https" }

    /// The origin as browsers write it (RFC 6454 section 6.2).
    package var text: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }
}

/// The parts of what people write for an address; no URL parser of a platform, because they differ.
struct URLAuthority {
    var scheme: String?
    var host: String
    var port: Int?
    /// What follows the host, without query and fragment.
    var path: String

    /// Reads an address that has a scheme, or whose first part looks like a host.
    init?(_ raw: String) {
        var rest = raw.trimmed(\.isWhitespace)
        for known in ["http", "https"] where rest.lowercased().hasPrefix(known + "://") {
            scheme = known
            rest = rest.dropFirst(known.count + 3)
        }
        if scheme == nil {
            if rest.hasPrefix("."), !rest.hasPrefix("./") { rest = rest.dropFirst() }
            let first = rest.prefix { !"/?#".contains($0) }
            guard first.contains(".") || first.lowercased().hasPrefix("localhost") else { return nil }
        }
        if rest.hasPrefix(".") { rest = rest.dropFirst() }
        let authority = rest.prefix { !"/?#".contains($0) }
        path = String(rest.dropFirst(authority.count).prefix { !"?#".contains($0) })
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        host = String(parts.first ?? "").lowercased()
        guard host.utf8.allSatisfy(Self.isHostCharacter) else { return nil }
        if parts.count == 2 {
            guard let port = Int(parts[1]), (0...65_535).contains(port) else { return nil }
            self.port = port
        }
    }

    /// Whether a host is four numbers.
    static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
