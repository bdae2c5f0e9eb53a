import HTTPTypes

extension Sessions {
    /// Whether two origins are one site to a browser.
    package func isSameSite(_ left: Origin, _ right: Origin) -> Bool {
        let sites = [left, right].map { RegistrableDomain.of($0.host, by: settings.publicSuffixes) ?? $0.host }
        return sites[0] == sites[1] && left.scheme == right.scheme
    }

    /// Where a test's browser sends what a front end sends: the refresh path below the base path.
    package var refreshPath: String { app.refreshPath }
}
