import HTTPTypes
import Metrics
import TesseraSessions

/// What is counted; each counter is made once.
struct SessionMetrics: Sendable {
    private static let name = "tessera_sdk_session_responses_total"
    private let routes: [SessionRoute: (ok: Counter, refused: Counter)]
    private let refused = Counter(label: name, dimensions: [("route", "application"), ("outcome", "refused")])
    private let reuse = Counter(label: "tessera_sdk_refresh_token_reuse_total")
    private let internalErrors = Counter(label: "tessera_sdk_internal_errors_total")

    init() {
        routes = Dictionary(
            uniqueKeysWithValues: SessionRoute.allCases.map { route in
                let counters = ["ok", "refused"].map {
                    Counter(label: Self.name, dimensions: [("route", route.path), ("outcome", $0)])
                }
                return (route, (ok: counters[0], refused: counters[1]))
            })
    }

    /// Counts an answer of one of the SDK's own routes.
    func count(_ route: SessionRoute, _ status: HTTPResponse.Status) {
        (status.code < 400 ? routes[route]?.ok : routes[route]?.refused)?.increment()
    }

    /// Counts an error of an application's route.
    func count(_ error: SessionError) {
        switch error.kind {
        case .tokenTheftDetected: reuse.increment()
        case .coreUnavailable, .coreRejected, .misconfigured, .claimUnavailable, .unreadable: internalErrors.increment()
        default: refused.increment()
        }
    }
}
