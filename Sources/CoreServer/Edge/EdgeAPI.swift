package import EdgeVerdicts
package import Foundations
package import Logging
package import LosslessJSON
import NIOHTTP1
package import OperatorMetrics
import OperatorTracing
import SessionEngine

/// The interface of a sidecar without HTTP: what proxies and clients of OAuth ask about access tokens, answered beside them
/// (docs/verify.md, docs/decisions/0048).
package struct EdgeAPI: ServedInterface {
    /// What a core says of a token that is no access token.
    package enum CoreAnswer: Sendable {
        /// The document that it answered.
        case document(JSONObject)
        /// There was no answer.
        case none

        /// The token is good for nothing.
        package static let inactive = CoreAnswer.document(IntrospectionMembers.inactive)
    }

    let logger: Logger
    let requestMetrics: RequestMetrics
    private let verifier: EdgeVerifier
    private let settings: CoreSettings
    private let events: OperatorEvents
    private let registry: MetricRegistry
    private let verdicts: ValueCounter<String>
    private let clock: ClockAndRandomness
    private let isLocal: Bool
    private let introspectElsewhere: @Sendable (String) async -> CoreAnswer

    /// An interface.
    ///
    /// - Parameters:
    ///   - verifier: what says something about tokens.
    ///   - apiKey: the key that introspection asks for; without one web pages and other names than this machine's are refused.
    ///   - host: the address that is listened on.
    ///   - registry: what is on the page of metrics.
    ///   - clock: the clock.
    ///   - logger: where it is logged that a key was refused.
    ///   - introspectElsewhere: asks a core about a token that is no access token; ends by itself.
    package init(
        _ verifier: EdgeVerifier, apiKey: String?, host: String, registry: MetricRegistry, clock: ClockAndRandomness,
        logger: Logger, introspectElsewhere: @escaping @Sendable (String) async -> CoreAnswer
    ) {
        (self.verifier, self.registry, self.clock, self.logger) = (verifier, registry, clock, logger)
        self.introspectElsewhere = introspectElsewhere
        var settings = CoreSettings()
        settings.apiKeys = apiKey.map { [$0] } ?? []
        self.settings = settings
        events = OperatorEvents(logger)
        isLocal = Loopback.isLocal(host)
        requestMetrics = RequestMetrics(registry)
        verdicts = registry.counter(
            MetricDescription(
                "tessera_verify_verdicts_total", "Requests that the sidecar judged, by what it said.",
                labels: ["verdict"]), of: EdgeVerdict.names, label: { $0 })
    }

    /// Logs what was counted and not logged; to be called now and then.
    package func sayWhatIsDue() { events.sayWhatIsDue() }

    var tracer: Tracer? { nil }
    var peers: PeerFilter? { nil }
    /// Two tokens are a verdict, and no fault of the proxy that passes them on.
    var refusesContradictions: Bool { false }
    var currentTime: Timestamp { clock.time() }

    func edgeFields(of headers: HTTPHeaders) -> [EdgeRequest.Field] {
        EdgeRequest.fieldNames.flatMap { name in headers[name].map { EdgeRequest.Field(name, $0) } }
    }

    func keyRefused(_ peer: PeerKey, named name: String?) { events.apiKeyRefused(peer, named: name) }
    func drain() {}
    func route(of request: CoreRequest) -> String? { nil }

    func admissionAfterLookup(of request: CoreRequest) async -> CoreAPI.Admission { judged(request) }
    func admission(of request: CoreRequest) -> CoreAPI.Admission? { judged(request) }

    private func judged(_ request: CoreRequest) -> CoreAPI.Admission {
        guard let question = EdgeQuestion(request) else { return .refused(.plain(404, "There is nothing here.")) }
        switch question {
        case .authorize: break
        case .introspect:
            if settings.apiKeys.isEmpty, let refusal = PageGuard.refusal(of: request) { return .refused(refusal) }
            guard settings.admits(request) else { return .keyRefused(.invalidClient) }
            guard request.method == "POST" else { return .refused(.notPost) }
        case .health, .metrics:
            if isLocal, let refusal = PageGuard.refusal(of: request) { return .refused(refusal) }
            guard request.method == "GET" || request.method == "HEAD" else {
                return .refused(.plain(405, "This is read by GET."))
            }
        }
        return .admitted(CoreAPI.Admitted(work: .edge(question)))
    }

    func perform(_ admitted: CoreAPI.Admitted, body: [UInt8]) -> CoreAPI.Performance {
        guard case .edge(let question) = admitted.work else { return .reply(.plain(404, "There is nothing here.")) }
        switch question {
        case .authorize(let request, let success):
            return answer(verifier.verdict(on: request)) { .authorization($0, success: success) }
        case .introspect: return introspect(body)
        case .health: return .reply(verifier.isFresh && verifier.isReady ? .plain(200, "fresh") : Self.silent)
        case .metrics:
            // A page is written beside the event loop, which has requests to answer.
            return .waiting { [registry] in .metrics(registry.text(.prometheus)) }
        }
    }

    private func introspect(_ body: [UInt8]) -> CoreAPI.Performance {
        guard let form = TokenForm(body) else { return .reply(.oauthError(400, "invalid_request")) }
        let verdict = verifier.verdict(on: form.token)
        guard case .here(.inactive(.notAnAccessToken)) = verdict else { return answer(verdict) { .introspection($0) } }
        return .waiting { [introspectElsewhere] in
            switch await introspectElsewhere(form.token) {
            case .document(let object): .unstored(object)
            case .none: CoreReply(.unavailable)
            }
        }
    }

    private func answer(
        _ verdict: Prompt<EdgeVerdict>, _ written: @escaping @Sendable (EdgeVerdict) -> EdgeReply
    ) -> CoreAPI.Performance {
        let verdicts = verdicts
        let reply = verdict.map { verdict in
            verdicts.add(verdict.name)
            return CoreReply(written(verdict)).meaning(OutcomeLabel(verdict))
        }
        switch reply {
        case .here(let reply): return .reply(reply)
        case .later(let wait): return .waiting(wait)
        }
    }

    private static var silent: CoreReply {
        var reply = CoreReply.plain(503, "silent")
        reply.headers.append(("Retry-After", "1"))
        return reply
    }
}

extension OutcomeLabel {
    init(_ verdict: EdgeVerdict) {
        switch verdict {
        case .active: self = .ok
        case .inactive(.expired): self = .tryRefresh
        case .inactive, .proofNeeded: self = .unauthorised
        case .levelTooLow, .untrusted: self = .denied
        case .unavailable: self = .unavailable
        }
    }
}

extension CoreReply {
    init(_ reply: EdgeReply) {
        self = reply.body.map { .unstored($0, status: reply.status) } ?? .empty(reply.status)
        headers += reply.fields.map { ($0.name, $0.value) }
    }
}
