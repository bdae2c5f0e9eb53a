import CoreDriverInterface
import NIOHTTP1
import OperatorMetrics
package import OperatorTracing
import SessionEngine
import SessionService

/// The span of a request, by OpenTelemetry's conventions for servers; without what they recommend and a session core keeps
/// to itself: query, address and agent of the caller (docs/decisions/0039).
struct RequestSpan {
    let request: CoreRequest
    let admitted: CoreAPI.Admitted?
    /// The path in the catalogue; `nil` for one that it does not have.
    let route: String?
    /// How it was answered; `nil` where the client was gone before.
    let reply: (status: Int, outcome: OutcomeLabel)?
    /// The session that it was about, by the name for traces.
    let session: String?

    /// Methods that OpenTelemetry knows; any other is not repeated.
    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
    private static let otherMethod = "_OTHER"
    /// What stands for a path that is not in the catalogue: what strangers write there may be anything.
    private static let hidden = "REDACTED"
    private static let abandoned = "abandoned"
    private static let longestPath = 200

    private var hasKnownMethod: Bool { Self.methods.contains(request.method) }

    var name: String {
        let method = hasKnownMethod ? request.method : "HTTP"
        return route.map { "\(method) \($0)" } ?? method
    }

    var content: SpanContent {
        let status = reply?.status
        var attributes = [
            SpanAttribute("http.request.method", hasKnownMethod ? request.method : Self.otherMethod),
            SpanAttribute("url.path", route == nil ? Self.hidden : String(request.path.prefix(Self.longestPath))),
            SpanAttribute("url.scheme", "http"),
        ]
        if let route { attributes.append(SpanAttribute("http.route", route)) }
        if let status { attributes.append(SpanAttribute("http.response.status_code", status)) }
        if let type = errorType { attributes.append(SpanAttribute("error.type", type)) }
        attributes += ownAttributes
        var content = SpanContent(name, .server, attributes)
        // What a client has done wrong is no error of the server.
        content.hasFailed = errorType != nil
        return content
    }

    private var errorType: String? {
        guard let status = reply?.status else { return Self.abandoned }
        return status >= 500 ? String(status) : nil
    }

    private var ownAttributes: [SpanAttribute] {
        var attributes = [SpanAttribute("tessera.outcome", reply?.outcome.label ?? Self.abandoned)]
        switch admitted?.work {
        case .operation(let call, _)?:
            attributes.append(SpanAttribute("tessera.operation", call.operation.rawValue))
            attributes.append(SpanAttribute("tessera.cdi", call.dialect.version.description))
        case .oauth(let question)?: attributes.append(SpanAttribute("tessera.operation", question.operation))
        case .poll?: attributes.append(SpanAttribute("tessera.operation", OperationLabel.events.label))
        case .health?, .edge?:
            attributes.append(SpanAttribute("tessera.operation", OperationLabel(admitted?.work).label))
        case nil: attributes.append(SpanAttribute("tessera.operation", OperationLabel.none.label))
        }
        if let session { attributes.append(SpanAttribute("tessera.session", session)) }
        return attributes
    }
}

extension SpanContent {
    /// A signature of a token.
    static func signature(_ algorithm: SigningAlgorithm) -> SpanContent {
        SpanContent("sign", .inside, [SpanAttribute("tessera.algorithm", algorithm.rawValue)])
    }
}

extension TraceOrigin {
    /// Reads what a caller says of its trace.
    ///
    /// - Parameter headers: all fields of a request.
    init?(_ headers: HTTPHeaders) { self.init(parents: headers["traceparent"], states: headers["tracestate"]) }
}

extension CoreAPI {
    /// The same interface, whose requests are traced.
    ///
    /// - Parameter tracer: what begins traces; `nil` leaves it as it is.
    package func tracing(by tracer: Tracer?) -> CoreAPI {
        var tracing = self
        tracing.tracer = tracer
        return tracing
    }

    /// Notes which session a request is about.
    ///
    /// - Parameter handle: the session; its hash goes into the span.
    func trace(_ handle: SessionHandle) {
        guard tracer != nil, let trace = RequestTrace.current, trace.isSampled else { return }
        trace.note(session: service.logName(of: handle))
    }

    /// The path in the catalogue that a request came by.
    func route(of request: CoreRequest) -> String? {
        guard let path = settings.basePath.relative(request.path) else { return nil }
        if let question = HealthQuestion(path: path, method: request.method) { return question.rawValue }
        if EventPollPath(path) != nil { return EventPollPath.route }
        return RouteMatch(path: path)?.route
    }
}

// MARK: - On a connection

extension ConnectionHandler {
    /// Does something for the request: what is logged and recorded meanwhile belongs to it.
    func inTrace<Result>(_ body: () -> Result) -> Result {
        guard let trace else { return body() }
        return RequestTrace.$current.withValue(trace, operation: body)
    }

    /// Ends the span of the request.
    ///
    /// - Parameter reply: what is sent; `nil` where the client has gone.
    func finishTrace(_ reply: CoreReply?) {
        guard let trace, let request else { return }
        trace.finish(
            RequestSpan(
                request: request, admitted: admitted, route: door.served.route(of: request),
                reply: reply.map { ($0.status, $0.outcome) }, session: trace.sessionName
            ).content)
    }
}
