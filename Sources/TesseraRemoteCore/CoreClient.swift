import CoreDriverInterface
import Foundations
import LosslessJSON
import SessionEngine
import Synchronization
import TesseraSessions

/// Asks cores: several hosts in turn, one negotiated version, an API key (docs/specification/sdk.md 2.17).
final class CoreClient: Sendable {
    struct Call {
        var method: String
        var path: String
        var query: [(String, String)] = []
        var body: JSONObject?
        /// Whether it may be sent again though it may have arrived.
        var isRepeatable = false
        /// For whom it is asked; a core of SuperTokens does not read it.
        var actor = AuditActor.driver
    }

    private struct State {
        var next = 0
        var dialect: Dialect?
    }

    /// How long to wait before asking a core again that has too much to do, in ms.
    static let retryDelays: [Int64] = [10, 260, 510, 760, 1_010]
    static let bodyLimit = 4 * 1_024 * 1_024

    let hosts: [String]
    let transport: any CoreTransport
    private let apiKey: String?
    private let apiDomain: String
    private let wait: @Sendable (Int64) async throws -> Void
    private let state = Mutex(State())

    init(
        hosts: [String], apiKey: String?, apiDomain: String, transport: any CoreTransport,
        wait: @escaping @Sendable (Int64) async throws -> Void
    ) {
        self.hosts = hosts
        self.apiKey = apiKey
        self.apiDomain = apiDomain
        self.transport = transport
        self.wait = wait
    }

    /// Asks for an operation, with what its table says in the version of the cores.
    ///
    /// - Parameters:
    ///   - table: the operation's request.
    ///   - tenant: the tenant that the path names, if it is to name one.
    ///   - isRepeatable: whether it may be sent again though it may have arrived.
    ///   - actor: for whom it is asked.
    ///   - fill: what is asked.
    /// - Throws: as ``ask(_:)``.
    func ask<Message>(
        _ table: RequestTable<Message>, tenant: String? = nil, isRepeatable: Bool = false,
        for actor: AuditActor = .driver, _ fill: (inout Message) -> Void
    ) async throws(SessionError) -> CoreReply {
        let dialect = try await dialect()
        var call = try Self.call(table, tenant, isRepeatable, dialect, fill)
        call.actor = actor
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
        return try Self.object(try await send(call, fields), call)
    }

    private static func call<Message>(
        _ table: RequestTable<Message>, _ tenant: String?, _ isRepeatable: Bool, _ dialect: Dialect,
        _ fill: (inout Message) -> Void
    ) throws(SessionError) -> Call {
        guard let (method, path) = dialect.route(of: table.operation) else {
            throw .misconfigured("CDI \(dialect.version) has no \(table.operation)")
        }
        var message = Message()
        fill(&message)
        let fields = table.encode(message, dialect)
        return Call(
            method: method.rawValue, path: (tenant.map { "/\($0)" } ?? "") + path,
            query: table.readsQuery ? fields.members.map { ($0.name, $0.value.string ?? $0.value.text) } : [],
            body: table.readsQuery ? nil : fields, isRepeatable: isRepeatable)
    }

    /// The newest version that this driver and the cores have in common, asked for once.
    private func dialect() async throws(SessionError) -> Dialect {
        if let known = state.withLock({ $0.dialect }) { return known }
        let ours = Catalogue.versionsOfDriver
        guard let newest = ours.first.flatMap(Dialect.of) else { throw .misconfigured("this SDK speaks no version") }
        let call = try Self.call(Catalogue.listVersions, nil, true, newest) { $0.apiDomain = apiDomain }
        let theirs = Catalogue.versionsListed.decode(try Self.object(try await send(call, []), call)).texts ?? []
        guard let version = ours.first(where: { theirs.contains($0.description) }), let dialect = Dialect.of(version)
        else {
            throw .misconfigured(
                "The running SuperTokens core version is not compatible with this SDK: it speaks "
                    + "\(theirs.joined(separator: ", ")), and this SDK "
                    + ours.map(\.description).joined(separator: ", "))
        }
        state.withLock { $0.dialect = dialect }
        return dialect
    }

    /// Sends a call to the next host, and to the others while nothing has been sent.
    private func send(_ call: Call, _ fields: [(name: String, value: String)]) async throws(SessionError)
        -> CoreResponse
    {
        guard !hosts.isEmpty else {
            throw .coreUnavailable(
                "No SuperTokens core available to query. Please pass supertokens > connectionURI to the init function, or "
                    + "override all the functions of the recipe you are using.")
        }
        let first = state.withLock { state in
            defer { state.next = (state.next + 1) % hosts.count }
            return state.next
        }
        var problem = ""
        for offset in hosts.indices {
            let host = hosts[(first + offset) % hosts.count]
            do throws(CoreTransportError) {
                return try await sendPatiently(request(call, fields, host))
            } catch {
                switch error {
                case .notSent(let text): problem = text
                case .unknownOutcome(let text) where call.isRepeatable: problem = text
                case .unknownOutcome(let text):
                    throw .coreUnavailable("\(call.method) \(call.path): the outcome is unknown: \(text)")
                }
            }
        }
        throw .coreUnavailable("No SuperTokens core available to query: \(problem)")
    }

    private func request(_ call: Call, _ fields: [(name: String, value: String)], _ host: String) -> CoreRequest {
        var url = host + call.path
        if !call.query.isEmpty {
            url += "?" + call.query.map { "\($0)=\(PercentEncoding.query.encode($1))" }.joined(separator: "&")
        }
        var fields = fields
        if let apiKey { fields.append(("api-key", apiKey)) }
        if call.body != nil { fields.append(("content-type", "application/json; charset=utf-8")) }
        return CoreRequest(method: call.method, url: url, fields: fields, body: call.body?.text)
    }

    /// Asks again, a little later each time, while a core says that it has too much to do
    /// (docs/specification/cases.md J5 to J7).
    private func sendPatiently(_ request: CoreRequest) async throws(CoreTransportError) -> CoreResponse {
        var response = try await transport.send(request, limit: Self.bodyLimit)
        for milliseconds in Self.retryDelays where response.status == 429 {
            do { try await wait(milliseconds) } catch { throw .notSent("the call was cancelled") }
            response = try await transport.send(request, limit: Self.bodyLimit)
        }
        return response
    }

    private static func object(_ response: CoreResponse, _ call: Call) throws(SessionError) -> JSONObject {
        guard response.status == 200 else {
            let message = String(decoding: response.body.prefix(1_000), as: UTF8.self)
            // The core cannot say now, or will not yet: nothing is known about any session.
            if response.status == 503 { throw .coreUnavailable("\(call.method) \(call.path): \(message)") }
            throw .coreRejected(
                status: response.status,
                message:
                    "SuperTokens core threw an error for a \(call.method) request to path: '\(call.path)' with status "
                    + "code: \(response.status) and message: \(message)")
        }
        guard let object = try? JSONValue(parsing: response.body).object else {
            throw .coreRejected(status: 200, message: "the answer to \(call.method) \(call.path) is no JSON object")
        }
        return object
    }
}
