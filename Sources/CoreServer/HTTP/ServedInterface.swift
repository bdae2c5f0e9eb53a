import EdgeVerdicts
import Foundations
import Logging
import NIOHTTP1
import OperatorTracing
import SessionEngine
import SessionService

/// What answers the requests of a ``CoreHTTPServer``: a core, or a sidecar of a proxy.
protocol ServedInterface: Sendable {
    /// Where failures are logged.
    var logger: Logger { get }
    /// What is counted of requests and connections.
    var requestMetrics: RequestMetrics { get }
    /// What traces requests, if anything does.
    var tracer: Tracer? { get }
    /// The addresses that may ask; all when there is none.
    var peers: PeerFilter? { get }
    /// Whether two values of a field that has one are refused before anything reads them.
    var refusesContradictions: Bool { get }
    /// The time.
    var currentTime: Timestamp { get }

    /// What is read of the fields beside those of ``RequestHead``.
    func edgeFields(of headers: HTTPHeaders) -> [EdgeRequest.Field]
    /// Judges the head of a request; `nil` where that has to be waited for.
    func admission(of request: CoreRequest) -> CoreAPI.Admission?
    /// The same, however long it takes.
    func admissionAfterLookup(of request: CoreRequest) async -> CoreAPI.Admission
    /// Answers a request that was admitted, at once where nothing has to be waited for.
    func perform(_ admitted: CoreAPI.Admitted, body: [UInt8]) -> CoreAPI.Performance
    /// The path of a request by which it is known in traces.
    func route(of request: CoreRequest) -> String?
    /// Notes that a request showed no right API key.
    func keyRefused(_ peer: PeerKey, named name: String?)
    /// Lets health checks see that the server ends.
    func drain()
}

extension CoreAPI: ServedInterface {
    var requestMetrics: RequestMetrics { metrics.requests }
    var peers: PeerFilter? { settings.peers }
    var refusesContradictions: Bool { true }
    var currentTime: Timestamp { service.currentTime }

    func edgeFields(of headers: HTTPHeaders) -> [EdgeRequest.Field] { [] }
    func keyRefused(_ peer: PeerKey, named name: String?) { events.apiKeyRefused(peer, named: name) }
    func drain() { readiness.drain() }
}
