import PublicSuffixList

/// The registrable domain of a host name: the site, as browsers see it (docs/specification/sdk.md 2.16.4).
enum RegistrableDomain {
    /// The one site of every local host.
    static let local = "localhost"

    /// Whether a host is this machine, or named by its numbers.
    static func isLocal(_ host: String) -> Bool {
        host.hasPrefix(local) || HostName.isIPv4(host) || HostName.isIPv6(host)
    }

    /// The registrable domain of a host.
    ///
    /// - Returns: `nil` for a name that no one can register, such as `com` or a single word.
    static func of(_ host: String, by suffixes: PublicSuffixes) -> String? {
        if isLocal(host) { return local }
        let labels = host.split(separator: ".").map(String.init)
        guard labels.count > 1 else { return nil }
        let (suffix, isListed) = suffixes.suffixLength(labels)
        if labels.count <= suffix { return host.hasSuffix(".amazonaws.com") ? host : nil }
        if !isListed && host.hasSuffix(".local") { return host }
        return labels.suffix(suffix + 1).joined(separator: ".")
    }
}
