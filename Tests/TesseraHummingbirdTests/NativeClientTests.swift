import Crypto
import Foundations
import HTTPTypes
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import Synchronization
import TesseraClient
import TesseraSessions
import TesseraTesting
import Testing

@Suite("The client for apps against an application, with keys of sessions (RFC 9449)")
struct NativeClientTests {
    /// Requests of the client to the application under test.
    private struct ApplicationTransport: ClientTransport {
        let browser: Browser

        func send(
            _ request: HTTPRequest, body: RequestBody, timeout: Duration
        ) async throws(TransportFailure) -> TransportReply {
            do {
                let fields = request.headerFields.map { ($0.name.rawName, $0.value) }
                let reply = try await browser.call(request.method, request.path ?? "/", fields)
                let head = HTTPResponse(status: .init(code: reply.status), headerFields: reply.fields)
                return TransportReply(head: head, bytes: Array(reply.body.utf8))
            } catch { throw TransportFailure(.transient, "\(error)") }
        }
    }

    private static func client(
        _ browser: Browser, _ fixture: Fixture, _ store: any SessionStore, _ use: ProofUse = .refresh,
        wrongBy error: Int64 = 0, boot: String = "test"
    ) throws -> SessionClient {
        var configuration = try ClientConfiguration(api: "https://api.supertokens.io")
        configuration.proofs = use
        let clock = fixture.test.clock
        let numbers = Mutex<UInt64>(0)
        return SessionClient(
            configuration, store: store, transport: ApplicationTransport(browser: browser),
            clock: ClientClock(
                wall: { clock.time.milliseconds + error }, steady: { clock.time.milliseconds }, boot: boot,
                pause: { clock.advance(by: $0) },
                randomBits: {
                    numbers.withLock { number in
                        number += 1
                        return number
                    }
                }))
    }

    private static func call(_ client: SessionClient, _ method: HTTPRequest.Method, _ path: String) async throws -> Int
    {
        let request = HTTPRequest(method: method, scheme: "https", authority: "api.supertokens.io", path: path)
        return try await client.data(for: request).0.status.code
    }

    /// What the store has in it.
    private static func tokens(_ store: MemoryStore) async throws -> JSONObject {
        try #require(try JSONValue(parsing: try await store.read().bytes).object?["tokens"]?.object)
    }

    private static let setUps: [(ProofOfPossession, ProofUse)] = [
        (.off, .off), (.off, .refresh), (.accept, .off), (.accept, .refresh), (.accept, .everyCall),
        (.everyCall, .refresh),
        (.everyCall, .everyCall),
    ]

    @Test(
        "signs in, calls, refreshes and signs out, whichever side uses keys", arguments: setUps.indices, transports)
    func life(row: Int, transport: TestingSetup) async throws {
        let (server, use) = Self.setUps[row]
        let fixture = try await ProofRouteTests.fixture(server)
        try await fixture.run(transport) { browser in
            let store = MemoryStore()
            let client = try Self.client(browser, fixture, store, use)
            #expect(try await Self.call(client, .post, "/create") == 200)
            let isBound = server != .off && use != .off
            for _ in 0..<3 {
                let tokens = try await Self.tokens(store)
                #expect((tokens["key"] != nil) == isBound)
                #expect((try await client.claims?["cnf"] != nil) == isBound)
                for _ in 0..<2 { #expect(try await Self.call(client, .get, "/me") == 200) }
                fixture.test.clock.advance(by: .seconds(3_601))
                #expect(try await Self.call(client, .get, "/me") == 200)
                #expect(try await Self.tokens(store)["refresh"] != tokens["refresh"])
            }
            #expect(try await client.refresh())
            #expect(try await client.refresh(), "twice within a second: with a nonce")
            #expect(try await client.signOut() == .confirmed)
            #expect(try await fixture.test.sessions.handles(of: "user1").isEmpty)
        }
    }

    @Test("a clock that is wrong by a year is no hindrance, also after a restart", arguments: [-1, 1] as [Int64])
    func clock(sign: Int64) async throws {
        let fixture = try await ProofRouteTests.fixture()
        try await fixture.run(.router) { browser in
            let store = MemoryStore()
            let year = sign * 31_536_000_000
            let client = try Self.client(browser, fixture, store, wrongBy: year)
            #expect(try await Self.call(client, .post, "/create") == 200)
            fixture.test.clock.advance(by: .seconds(3_601))
            #expect(try await Self.call(client, .get, "/me") == 200)
            let restarted = try Self.client(browser, fixture, store, wrongBy: 0 - year, boot: "another")
            #expect(try await restarted.refresh(), "by a nonce")
            #expect(try await Self.call(restarted, .get, "/me") == 200)
        }
    }

    @Test("a copied refresh token is worth nothing with or without a key, and its owner notices nothing")
    func copied() async throws {
        let fixture = try await ProofRouteTests.fixture()
        try await fixture.run(.router) { browser in
            let store = MemoryStore()
            let client = try Self.client(browser, fixture, store)
            #expect(try await Self.call(client, .post, "/create") == 200)
            for _ in 0..<3 {
                let refresh = try #require(try await Self.tokens(store)["refresh"]?.string)
                let stolen = [("authorization", "Bearer \(refresh)"), ("rid", "session"), ("st-auth-mode", "header")]
                fixture.test.clock.advance(by: .seconds(3_601))
                #expect(try await browser.call(.post, ProofRouteTests.path, stolen).status == 400)
                let own = try ProofRouteTests.proof(ProofRouteTests.Key(), fixture)
                #expect(try await browser.call(.post, ProofRouteTests.path, stolen + [own]).status == 401)
                #expect(try await Self.call(client, .get, "/me") == 200)
                // Superseded by now: without the key that ends nothing.
                #expect(try await browser.call(.post, ProofRouteTests.path, stolen).status == 400)
                #expect(try await browser.call(.post, ProofRouteTests.path, stolen + [own]).status == 401)
                #expect(try await Self.call(client, .get, "/me") == 200)
            }
        }
    }

    @Test("a session whose key is gone ends here, and at the application")
    func keyLost() async throws {
        let fixture = try await ProofRouteTests.fixture()
        try await fixture.run(.router) { browser in
            let store = MemoryStore()
            let client = try Self.client(browser, fixture, store)
            #expect(try await Self.call(client, .post, "/create") == 200)
            var record = try #require(try JSONValue(parsing: try await store.read().bytes).object)
            var tokens = try #require(record["tokens"]?.object)
            tokens["key"] = ["kind": "enclave", "bytes": "AA"]
            record["tokens"] = .object(tokens)
            let damaged = try StoredSession(bytes: record.serialized())
            _ = try await store.update { _ in damaged }
            #expect(try await client.refresh() == false)
            #expect(try await client.state == .signedOut(.keyLost))
            #expect(try await client.signOut() == .noSession)
            // Its end is sent again with the next call, if it has not arrived yet.
            for _ in 0..<50 where try await !fixture.test.sessions.handles(of: "user1").isEmpty {
                fixture.test.clock.advance(by: .seconds(31))
                _ = try await Self.call(client, .get, "/optional")
            }
            #expect(try await fixture.test.sessions.handles(of: "user1").isEmpty)
        }
    }
}
