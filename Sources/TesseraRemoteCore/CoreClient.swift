import CoreDriverInterface
import Foundations
import LosslessJSON
import SessionEngine
import Synchronization
import TesseraSessions

/// Asks cores: several hosts in turn, one negotiated version, an API key (docs/specification/sdk.md 2.17).
final class CoreClient: Sendable, Redacted {
    struct Call {
        var method: String
        var path: String
        var query: [(String, String)] = []
        var body: JSONObject?
        /// Whether it may be sent again though it may have arrived.
        var isRepeatable = false
        /// For whom it is asked; a core of SuperTokens does not read it.
        var actor = AuditActor.driver
        /// What a new session asks for; a core of SuperTokens does not read it.
        var policy: String?
        /// What is known about the client; a core of SuperTokens does not read it.
        var client = ClientFacts()
        /// The proof that came with the client's request; a core of SuperTokens does not read it.
        var proof: PresentedProof?
        /// What came of the credentials of its browser's device; a core of SuperTokens does not read it.
        var device = PresentedDevice()
        /// For how long each host is waited for at most.
        var timeout: Milliseconds?
    }

    private enum Negotiation {
        case none
        case asking(Task<Result<Dialect, SessionError>, Never>)
        case known(Dialect)
    }

    static let bodyLimit = 4 * 1_024 * 1_024
    /// The longest query in bytes; servers refuse longer request lines with an answer that says nothing.
    static let queryLimit = 6 * 1_024

    let hosts: CoreHosts
    let transport: any CoreTransport
    let clock: ClockAndRandomness
    let apiKey: String?
    /// Waits for some milliseconds.
    let wait: @Sendable (Int64) async throws -> Void
    private let apiDomain: String
    private let negotiation = Mutex(Negotiation.none)

    init(
        hosts: [String], apiKey: String?, apiDomain: String, transport: any CoreTransport, clock: ClockAndRandomness,
        wait: @escaping @Sendable (Int64) async throws -> Void
    ) {
        self.hosts = CoreHosts(hosts)
        self.apiKey = apiKey
        self.apiDomain = apiDomain
        self.transport = transport
        self.clock = clock
        self.wait = wait
    }

    /// Asks for an operation, with what its table says in the version of the cores.
    ///
    /// - Parameters:
    ///   - table: the operation's request.
    ///   - tenant: the tenant that the path names, if it is to name one.
    ///   - isRepeatable: whether it may be sent again though it may have arrived.
    ///   - actor: for whom it is asked.
    ///   - policy: what a new session asks for.
    ///   - client: what is known about the client.
    ///   - proof: the proof that came with the client's request.
    ///   - device: what came of the credentials of its browser's device.
    ///   - timeout: for how long each host is waited for at most.
    ///   - fill: what is asked.
    /// - Throws: ``SessionError/badInput(_:)`` before anything is sent for a value that has no place in an address; else as
    ///   ``ask(_:)``.
    func ask<Message>(
        _ table: RequestTable<Message>, tenant: TenantID? = nil, isRepeatable: Bool = false,
        for actor: AuditActor = .driver, policy: String? = nil, client: ClientFacts = ClientFacts(),
        proof: PresentedProof? = nil, device: PresentedDevice = PresentedDevice(), timeout: Milliseconds? = nil,
        _ fill: (inout Message) -> Void
    ) async throws(SessionError) -> CoreReply {
        var message = Message()
        fill(&message)
        let prefix = try tenant.map(Self.segment) ?? ""
        let dialect = try await dialect()
        var call = try Self.call(table, prefix, isRepeatable, dialect, message)
        (call.actor, call.policy, call.client, call.proof) = (actor, policy, client, proof)
        (call.device, call.timeout) = (device, timeout)
        return CoreReply(try await ask(call))
    }

    /// The answer's object.
    ///
    /// - Throws: ``SessionError/coreUnavailable(_:)`` or ``SessionError/coreRejected(status:message:)``, never a word
    ///   about a session.
    func ask(_ call: Call) async throws(SessionError) -> JSONObject {
        var fields = [(name: "cdi-version", value: try await dialect().version.description)]
        let segments = call.path.split(separator: "/")
        if segments.prefix(2).contains("recipe") { fields.append(("rid", "session")) }
        if call.actor != .driver { fields.append(("tessera-actor", call.actor.rawValue)) }
        if let policy = call.policy { fields.append(("tessera-session-policy", policy)) }
        fields += call.client.fields
        fields += call.proof?.fields ?? []
        fields += call.device.fields
        return try Self.object(try await send(call, fields), call)
    }

    /// A tenant as the beginning of a path.
    private static func segment(_ tenant: TenantID) throws(SessionError) -> String {
        guard let segment = tenant.pathSegment else {
            throw .badInput(
                "this is not the name of a tenant: letters, digits and dashes, 64 at most, not beginning with appid-, and "
                    + "none of recipe, config, users and hello")
        }
        return "/" + segment
    }

    private static func call<Message>(
        _ table: RequestTable<Message>, _ prefix: String, _ isRepeatable: Bool, _ dialect: Dialect, _ message: Message
    ) throws(SessionError) -> Call {
        guard let (method, path) = dialect.route(of: table.operation) else {
            throw .misconfigured("CDI \(dialect.version) has no \(table.operation)")
        }
        let fields = table.encode(message, dialect)
        let query = table.readsQuery ? fields.members.map { ($0.name, $0.value.string ?? $0.value.text) } : []
        guard query.allSatisfy({ PercentEncoding.query.encode($1).utf8.count <= queryLimit }) else {
            throw .badInput("a session handle or user id is too long to be asked about")
        }
        return Call(
            method: method.rawValue, path: prefix + path, query: query, body: table.readsQuery ? nil : fields,
            isRepeatable: isRepeatable)
    }

    /// The newest version that this driver and the cores have in common: asked for once, by one call for all that wait, and
    /// again after a failure.
    private func dialect() async throws(SessionError) -> Dialect {
        let task: Task<Result<Dialect, SessionError>, Never>
        switch negotiation.withLock({ $0 }) {
        case .known(let dialect): return dialect
        case .asking(let asked): task = asked
        case .none:
            task = negotiation.withLock { state in
                if case .asking(let asked) = state { return asked }
                let asked = Task { await self.negotiated() }
                state = .asking(asked)
                return asked
            }
        }
        return try await task.value.get()
    }

    private func negotiated() async -> Result<Dialect, SessionError> {
        do throws(SessionError) {
            let dialect = try await negotiate()
            negotiation.withLock { $0 = .known(dialect) }
            return .success(dialect)
        } catch {
            negotiation.withLock { $0 = .none }
            return .failure(error)
        }
    }

    private func negotiate() async throws(SessionError) -> Dialect {
        let ours = Catalogue.versionsOfDriver
        guard let newest = ours.first.flatMap(Dialect.of) else { throw .misconfigured("this SDK speaks no version") }
        var message = ListVersionsRequest()
        message.apiDomain = apiDomain
        let call = try Self.call(Catalogue.listVersions, "", true, newest, message)
        let theirs = Catalogue.versionsListed.decode(try Self.object(try await send(call, []), call)).texts ?? []
        guard let version = ours.first(where: { theirs.contains($0.description) }), let dialect = Dialect.of(version)
        else {
            throw .misconfigured(
                "The running SuperTokens core version is not compatible with this SDK: it speaks "
                    + "\(theirs.joined(separator: ", ")), and this SDK "
                    + ours.map(\.description).joined(separator: ", "))
        }
        return dialect
    }

    /// The error of a core that wants a proof of the client's key, or another one; its other answers are no JSON.
    private static func proofError(_ response: CoreResponse) -> SessionError? {
        guard response.status == 400, let object = try? JSONValue(parsing: response.body).object else { return nil }
        let reply = Catalogue.proofNeeded.decode(object)
        switch reply.error.flatMap(DPoPError.init) {
        case .useNonce?: return reply.nonce.map { .proofNeeded(nonce: $0) }
        case .invalidProof?: return .proofNeeded(nonce: nil)
        case nil: return nil
        }
    }

    private static func object(_ response: CoreResponse, _ call: Call) throws(SessionError) -> JSONObject {
        guard response.status == 200 else {
            if let error = proofError(response) { throw error }
            let message = String(decoding: response.body.prefix(1_000), as: UTF8.self)
            let text =
                "SuperTokens core threw an error for a \(call.method) request to path: '\(call.path)' with status "
                + "code: \(response.status) and message: \(message)"
            // The core cannot say now, or will not yet: nothing is known about any session.
            if response.isBusy {
                throw .coreUnavailable(text, retryAfterSeconds: response.retryAfterSeconds)
            }
            throw .coreRejected(status: response.status, message: text)
        }
        guard let object = try? JSONValue(parsing: response.body).object else {
            throw .coreRejected(status: 200, message: "the answer to \(call.method) \(call.path) is no JSON object")
        }
        return object
    }
}

extension CoreResponse {
    /// Whether the core, or what stands before it, says that it cannot answer now.
    var isBusy: Bool { status == 429 || (502...504).contains(status) }
}
