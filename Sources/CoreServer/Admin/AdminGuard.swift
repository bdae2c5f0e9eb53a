import Foundations

/// Which requests come from the admin page itself, or from a program of the operator (docs/decisions/0042).
///
/// The page sends its token in a field of its own and has no cookie, so nothing is sent by a browser without the page. These
/// rules are a second line: against a name of another site that leads here (DNS rebinding), and against forms.
enum AdminGuard {
    /// - Throws: ``AdminRefusal`` for a request that is not answered.
    static func check(_ request: AdminRequest, _ settings: AdminSettings) throws(AdminRefusal) {
        guard let host = request.core.host, isOurs(host, settings) else { throw .otherHost }
        if let site = request.core.fetchSite {
            // 'none' is the address bar, and only reads.
            guard site == "same-origin" || (site == "none" && !request.isUnsafe) else { throw .otherPage }
        } else if let origin = request.core.origin {
            guard isOrigin(origin, of: host) else { throw .otherPage }
        }
        if request.isUnsafe, !request.isMarked { throw .otherPage }
    }

    private static func isOurs(_ host: String, _ settings: AdminSettings) -> Bool {
        if HostName(host)?.isLoopback == true { return true }
        return settings.authority == host.lowercased()
    }

    private static func isOrigin(_ origin: String, of host: String) -> Bool {
        ["http://", "https://"].contains { origin.lowercased() == $0 + host.lowercased() }
    }
}
