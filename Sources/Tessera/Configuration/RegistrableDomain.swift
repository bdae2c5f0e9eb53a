/// The part of a host name that somebody registered: the site, as browsers see it (docs/specification/sdk.md 2.16.4).
enum RegistrableDomain {
    /// The registrable domain of a host; every local host is the one site `localhost`.
    ///
    /// - Returns: `nil` for a name that nobody can register, such as `com` or a single word.
    static func of(_ host: String) -> String? {
        if host.hasPrefix("localhost") || Address.isIPv4(host) { return "localhost" }
        let labels = host.split(separator: ".").map(String.init)
        guard labels.count > 1 else { return nil }
        let (suffix, isListed) = PublicSuffixes.suffixLength(labels)
        if labels.count <= suffix { return host.hasSuffix(".amazonaws.com") ? host : nil }
        if !isListed && host.hasSuffix(".local") { return host }
        return labels.suffix(suffix + 1).joined(separator: ".")
    }
}

/// The public suffix list (publicsuffix.org), ICANN and private domains.
enum PublicSuffixes {
    private static let rules = Set(publicSuffixTable.split(separator: "\n"))

    /// How many of a host's last labels are a public suffix (publicsuffix.org, "Algorithm").
    static func suffixLength(_ labels: [String]) -> (labels: Int, isListed: Bool) {
        for start in labels.indices {
            let name = labels[start...].joined(separator: ".")
            let count = labels.count - start
            if rules.contains("!\(name)"[...]) { return (count - 1, true) }
            if rules.contains(name[...]) { return (count, true) }
            let parent = labels[(start + 1)...].joined(separator: ".")
            if !parent.isEmpty && rules.contains("*.\(parent)"[...]) { return (count, true) }
        }
        return (1, false)
    }
}
