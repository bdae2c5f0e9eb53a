extension CoreAPI {
    /// What supervisors and balancers ask, without a key and without a version.
    ///
    /// `/health/live` says that the process answers; only its restart helps when it does not. `/health/ready` says that
    /// requests can be served: 503 while storage is away, so that a balancer sends them to another node.
    ///
    /// - Returns: `nil` for any other path.
    func health(_ path: String, method: String) async -> CoreReply? {
        guard path.hasPrefix("/health/"), method == "GET" || method == "HEAD" else { return nil }
        switch path {
        case "/health/live": return .text(200, "live")
        case "/health/ready":
            if await isReady() { return .text(200, "ready") }
            var reply = CoreReply.text(503, "Storage is not available.")
            reply.headers.append(("Retry-After", "1"))
            return reply
        default: return nil
        }
    }
}
