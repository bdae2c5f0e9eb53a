import EdgeVerdicts
import Foundations

/// What a sidecar is asked (docs/verify.md).
enum EdgeQuestion: Sendable {
    /// May this request pass? With the status of yes.
    case authorize(EdgeRequest, success: Int)
    /// What is this token good for (RFC 7662)?
    case introspect
    /// Are the ends of sessions known up to now?
    case health
    case metrics

    static let authorizePath = "/tessera/authorize"
    /// Behind it comes the level that the route asks for, or ``anyLevel``, and then the path of the client's request.
    static let clientsOwnPath = "/tessera/ext-authz/"
    static let anyLevel = "any"
    static let healthPath = "/health"
    static let metricsPath = "/metrics"

    /// Reads a path; `nil` for what is not asked here.
    init?(_ request: CoreRequest) {
        switch request.path {
        case Self.authorizePath:
            let levels = EdgeRequest.levels(inQuery: request.query)
            self = .authorize(EdgeRequest(fields: request.edgeFields, levels: levels), success: 204)
        case OAuthQuestion.introspect.rawValue: self = .introspect
        case Self.healthPath: self = .health
        case Self.metricsPath: self = .metrics
        default:
            guard request.path.hasPrefix(Self.clientsOwnPath) else { return nil }
            let rest = request.path.dropFirst(Self.clientsOwnPath.count)
            let segment = rest.prefix { $0 != "/" }
            guard let wanted = PercentEncoding.decode(segment.utf8), !wanted.isEmpty else { return nil }
            let path = rest.dropFirst(segment.count)
            let asking = EdgeRequest.Asking.asItself(method: request.method, target: path.isEmpty ? "/" : String(path))
            let levels = wanted == Self.anyLevel ? [] : [wanted]
            self = .authorize(EdgeRequest(fields: request.edgeFields, asking: asking, levels: levels), success: 200)
        }
    }
}
