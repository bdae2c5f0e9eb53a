import CoreServer
import Foundations
import InMemoryStorage
import Logging
import SessionEngine
import SessionService
import SessionStorage
import TestSupport

/// How deep a test of the interface goes: the same requests, with and without a socket.
enum Depth: String, CaseIterable, Sendable {
    /// Straight into the interface.
    case value
    /// Over a real socket.
    case live
}

extension SessionPolicy {
    /// This policy with the rotation of SuperTokens' cores, for conversations that were recorded from them.
    var likeSuperTokens: SessionPolicy {
        var policy = self
        (policy.successorPolicy, policy.revokesOnReuse) = (.random, false)
        return policy
    }
}

/// A core for a test.
struct Core: Sendable {
    let depth: Depth
    let api: CoreAPI
    let port: Int
    /// The core's clock, in tests that move it.
    var clock = TestClock()

    /// Sends a request at the core's depth.
    func send(_ request: CoreRequest) async throws -> SeenReply {
        switch depth {
        case .live: return try await RawHTTP(port: port).send(request)
        case .value:
            let reply = await api.respond(to: request)
            var headers = ["content-type": reply.contentType]
            for header in reply.headers { headers[header.name.lowercased()] = header.value }
            let body = request.method == "HEAD" ? "" : String(decoding: reply.body, as: UTF8.self)
            return SeenReply(status: reply.status, contentType: reply.contentType, headers: headers, body: body)
        }
    }

    /// Sends a JSON body.
    func send(
        _ method: String, _ path: String, _ body: String = "", query: String? = nil, version: String? = "5.4"
    ) async throws -> SeenReply {
        try await send(
            CoreRequest(method: method, path: path, query: query, version: version, body: Array(body.utf8)))
    }

    /// A core without a socket.
    static func value(
        settings: CoreSettings = CoreSettings(), policy: SessionPolicy = SessionPolicy(),
        clock: ClockAndRandomness = .system
    ) async throws -> Core {
        let service = try await SessionManager(storage: InMemorySessionStorage(), policy: policy, clock: clock)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return Core(
            depth: .value, api: CoreAPI(service: service, settings: settings, logger: logger), port: 0)
    }

    /// Runs a test against a core of its own.
    static func run(
        _ depth: Depth, settings: CoreSettings = CoreSettings(), policy: SessionPolicy = SessionPolicy(),
        storage: any SessionStorage = InMemorySessionStorage(), clock: TestClock? = nil,
        test: @Sendable @escaping (Core) async throws -> Void
    ) async throws {
        var sources = ClockAndRandomness.system
        if let clock { sources.time = { clock.now } }
        let service = try await SessionManager(storage: storage, policy: policy, clock: sources)
        let core: @Sendable (CoreAPI, Int) -> Core = { api, port in
            Core(depth: depth, api: api, port: port, clock: clock ?? TestClock())
        }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let api = CoreAPI(service: service, settings: settings, logger: logger)
        guard depth == .live else { return try await test(core(api, 0)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, running) = AsyncStream.makeStream(of: Int.self)
            let server = CoreHTTPServer(api: api, host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }
            group.addTask { try await server.run() }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                let port = await iterator.next() ?? 0
                try await test(core(api, port))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
