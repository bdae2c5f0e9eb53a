extension ConfigurationKey {
    /// The keys of one part of the page.
    struct Group: Sendable {
        let title: String
        let keys: [ConfigurationKey]
    }

    /// The table, in the order of the page; where a key has an old name, the newer one comes later and goes before it.
    static let groups = [
        Group(title: "Server and access", keys: ofServer),
        Group(title: "Sessions and tokens", keys: ofRotation + ofTokens),
        Group(title: "Admin page", keys: ofAdminPage),
        Group(title: "Session policy", keys: ofPolicy),
        Group(title: "Cookies, for drivers before CDI 2.4", keys: ofCookies),
        Group(title: "Logs", keys: ofLogs),
        Group(title: "Traces", keys: ofTraces),
        Group(title: "Security events", keys: ofEvents),
        Group(title: "PostgreSQL", keys: ofDatabase),
        Group(title: "Private keys at rest", keys: ofKeyEncryption),
        Group(title: "Accepted without effect", keys: ignored),
    ]

    /// All keys.
    static let all = groups.flatMap(\.keys)

    /// All keys by their names.
    static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
}
