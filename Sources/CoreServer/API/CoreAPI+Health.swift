/// What supervisors and balancers ask, without a key and without a version.
enum HealthQuestion: String {
    /// Says that the process answers; only its restart helps when it does not.
    case live = "/health/live"
    /// Says that requests can be served: 503 while storage is unreachable, so that a balancer sends them to another
    /// node.
    case ready = "/health/ready"

    /// Reads a path and a method; `nil` for any other.
    init?(path: String, method: String) {
        guard path.hasPrefix("/health/"), method == "GET" || method == "HEAD" else { return nil }
        self.init(rawValue: path)
    }
}

extension CoreAPI {
    /// The answer to a health question, if no one has to be asked.
    func promptHealth(_ question: HealthQuestion) -> CoreReply? {
        switch question {
        case .live: .text(200, "live")
        case .ready: readiness.known.map(Self.ready)
        }
    }

    /// The answer to a health question.
    func health(_ question: HealthQuestion) async -> CoreReply {
        switch question {
        case .live: .text(200, "live")
        case .ready: Self.ready(await readiness.current())
        }
    }

    private static func ready(_ isReady: Bool) -> CoreReply { isReady ? .text(200, "ready") : storageUnreachable }

    /// Balancers ask `hello` as SuperTokens' documents say, so it includes storage too.
    static func hello(_ isReady: Bool) -> CoreReply { isReady ? .text(200, "Hello") : storageUnreachable }

    private static var storageUnreachable: CoreReply {
        var reply = CoreReply.text(503, "Storage is not available.")
        reply.headers.append(("Retry-After", "1"))
        return reply
    }
}
