import HTTPTypes
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

/// A server, a store and a client of it, on clocks that the test moves.
struct ClientPlace {
    let clock: TestClock
    let server: ScriptedServer
    let store: any SessionStore
    let client: SessionClient

    init(
        life: Duration = .seconds(3_600), rotation: ScriptedServer.Rotation = .atFirstUse, seed: UInt64 = 1,
        store: any SessionStore = MemoryStore(), _ adjust: (inout ClientConfiguration) -> Void = { _ in }
    ) throws {
        clock = TestClock(seed: seed)
        server = ScriptedServer(clock: clock, life: life, rotation: rotation)
        self.store = store
        client = try Self.client(server, store, clock.clock(), adjust)
    }

    static func client(
        _ server: ScriptedServer, _ store: any SessionStore, _ clock: ClientClock,
        _ adjust: (inout ClientConfiguration) -> Void = { _ in }
    ) throws -> SessionClient {
        var configuration = try ClientConfiguration(api: "https://api.example.com")
        adjust(&configuration)
        return SessionClient(configuration, store: store, transport: server, clock: clock)
    }

    static func request(
        _ method: HTTPRequest.Method, _ path: String, authority: String = "api.example.com"
    ) -> HTTPRequest {
        HTTPRequest(method: method, scheme: "https", authority: authority, path: path)
    }

    func signIn(_ user: String = "alice") async throws {
        let (head, _) = try await client.data(for: Self.request(.post, "/login"), body: .bytes(Array(user.utf8)))
        #expect(head.status == .ok)
    }

    /// The status and the text of `GET /me`.
    func me(_ client: SessionClient? = nil) async throws -> (Int, String) {
        let (head, bytes) = try await (client ?? self.client).data(for: Self.request(.get, "/me"))
        return (head.status.code, String(decoding: bytes, as: UTF8.self))
    }

    /// Lets the access token expire.
    func expire() { clock.advance(by: .seconds(server.life.components.seconds + 1)) }

    var tokens: StoredTokens? { get async throws { try await store.read().tokens } }

    /// A fault for the next request to a path, once.
    func once(_ path: String, _ fault: ScriptedServer.Fault) {
        let isDone = Mutex(false)
        server.setFault { request, _ in
            guard request.path == path else { return nil }
            return isDone.withLock { done in
                defer { done = true }
                return done ? nil : fault
            }
        }
    }

    /// A fault for each request to a path.
    func always(_ path: String, _ fault: ScriptedServer.Fault) {
        server.setFault { request, _ in request.path == path ? fault : nil }
    }

    /// Does something once between a refresh at the server and its answer's arrival.
    func duringRefresh(_ work: @escaping @Sendable () async -> Void) {
        server.setMeanwhile { [server] request in
            guard request.path == Self.refreshPath else { return }
            server.setMeanwhile(nil)
            await work()
        }
    }

    static let refreshPath = "/auth/session/refresh"
}

extension ScriptedServer {
    /// The sessions that live.
    var liveSessions: Set<String> { model.withLock { Set($0.sessions.keys) } }
}
