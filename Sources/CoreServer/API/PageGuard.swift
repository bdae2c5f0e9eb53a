/// Keeps web pages away from a core that asks for no API key.
///
/// Such a core trusts every client that reaches its address. A browser on the same machine reaches it too and runs
/// pages of strangers; it always says so, in a way that a page cannot change: by the name that the page has for this
/// host (a page that lets its own name mean this machine, DNS rebinding), or by `Origin` and `Sec-Fetch-Site` (Fetch
/// standard, Fetch Metadata). Drivers on servers send neither.
enum PageGuard {
    /// The reply to a request that a page may have made; `nil` for any other.
    static func refusal(of request: CoreRequest) -> CoreReply? {
        if let host = request.host, HostName(host)?.isLoopback != true {
            return refusal("This core has no api_keys, so it answers only to loopback names such as localhost.")
        }
        if request.origin != nil || request.fetchSite.map({ $0 != "none" }) ?? false {
            return refusal("This core has no api_keys, so it answers no web page.")
        }
        return nil
    }

    private static func refusal(_ reason: String) -> CoreReply {
        .plain(403, "\(reason) Set api_keys in its configuration, or ask through http://localhost.")
    }
}
