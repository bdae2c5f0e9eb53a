import Foundations
import SessionDoctor
import Synchronization

/// Requests of a sidecar to its cores: by HTTP here, by https with the system's curl.
final class CoreDoor: Sendable {
    /// A request, the same to each core.
    struct Question: Sendable {
        var method = "GET"
        /// What goes behind a core's address; it may have a query.
        var path: String
        var fields: [HeaderField] = []
        var body = ""
        /// Whether the core is shown the API key.
        var needsKey = true
        /// For how long a core is waited for.
        var timeout: Milliseconds
        /// How much of the answer is read, in bytes.
        var limit: Int
    }

    private let cores: [WebAddress]
    private let apiKey: String?
    private let authorities: String?
    /// The core that answered last.
    private let current = Atomic(0)

    init(_ settings: VerifySettings) {
        (cores, apiKey, authorities) = (settings.cores, settings.apiKey, settings.authorities)
    }

    /// How many cores there are.
    var count: Int { cores.count }

    /// Asks one core.
    func ask(_ core: Int, _ question: Question) async -> ProbeOutcome {
        guard cores.indices.contains(core) else { return .failure(.unknownName) }
        let address = cores[core]
        let parts = question.path.split(separator: "?", maxSplits: 1).map(String.init)
        var request = ProbeRequest(question.method, address.at(address.path + (parts.first ?? "")), question.fields)
        if parts.count == 2 { request.query = parts[1] }
        if question.needsKey, let apiKey { request.fields.append(HeaderField("api-key", apiKey)) }
        request.body = question.body
        let transport = ProbeTransport(
            authorities: authorities, timeout: question.timeout, bodyLimit: question.limit)
        guard address.scheme == "https" else { return await transport.send(request) }
        let whole = request
        return await OwnThread.run(orElse: .failure(.transport("the system gives no thread"))) {
            CurlProbe(transport).send(whole)
        }
    }

    /// Asks the core that answered last, and the others while there is no answer that says anything.
    ///
    /// - Returns: the reply, or why there is none.
    func askAny(_ question: Question) async -> ProbeOutcome {
        let first = current.load(ordering: .relaxed)
        var last = ProbeOutcome.failure(.unknownName)
        for step in 0..<cores.count {
            let core = (first + step) % cores.count
            last = await ask(core, question)
            guard let reply = last.reply, reply.status < 500, reply.status != 429 else { continue }
            current.store(core, ordering: .relaxed)
            return last
        }
        return last
    }
}
