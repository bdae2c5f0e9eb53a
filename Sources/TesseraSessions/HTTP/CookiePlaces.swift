import PublicSuffixList

/// The places from which a browser can send a cookie with a request: each domain and path that such a cookie can have
/// (RFC 6265 sections 5.1.3 and 5.1.4).
///
/// Who knows them all can remove any cookie that comes with a request, also of another host.
struct CookiePlaces {
    /// The values that the attribute `Domain` can have; `nil` stands for a cookie without one.
    let domains: [String?]
    /// The values that the attribute `Path` can have, shortest first.
    let paths: [String]

    /// The places of cookies that reach some hosts.
    ///
    /// - Parameters:
    ///   - hosts: the names under which a browser may know the server.
    ///   - path: the path of the request, as the browser sent it.
    ///   - suffixes: the domains that no cookie can have.
    init(hosts: [String], path: String, _ suffixes: PublicSuffixes) {
        var domains: [String?] = [nil]
        for host in hosts {
            for domain in Self.domains(of: host, suffixes) where !domains.contains(domain) { domains.append(domain) }
        }
        self.domains = domains
        paths = Self.paths(of: path)
    }

    /// The domains that a host's cookies can name: the host and all above it, up to the one that was registered.
    ///
    /// An address, a name without a dot and a public suffix have no such domain: a browser takes such a cookie for one without
    /// `Domain`, so that a line that removes the one removes the other (RFC 6265bis section 5.7, step 9).
    static func domains(of host: String, _ suffixes: PublicSuffixes) -> [String] {
        guard canBeDomain(host) else { return [] }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let suffix = suffixes.suffixLength(labels).labels
        guard labels.count > suffix, !labels.contains("") else { return [] }
        return (suffix + 1...labels.count).reversed().map { labels.suffix($0).joined(separator: ".") }
    }

    /// Whether the attribute `Domain` can make a difference for a host: not for an address or a name without a dot.
    static func canBeDomain(_ host: some StringProtocol) -> Bool {
        host.contains(".") && !host.contains(":") && !HostName.isIPv4(String(host))
    }

    /// No routes are deeper; a made-up path must not make a response as long as its writer likes.
    private static let mostPaths = 32

    /// The paths that a request's path matches: all that end before or after one of its slashes, and itself.
    static func paths(of path: String) -> [String] {
        let path = path.prefix { $0 != "?" && $0 != "#" }
        guard path.hasPrefix("/") else { return ["/"] }
        var paths: [String] = []
        func add(_ path: Substring) {
            guard !path.isEmpty, !path.contains(";"), paths.last != String(path), paths.count < mostPaths else {
                return
            }
            paths.append(String(path))
        }
        for slash in path.indices where path[slash] == "/" {
            add(path[..<slash])
            add(path[...slash])
        }
        add(path)
        return paths
    }
}
