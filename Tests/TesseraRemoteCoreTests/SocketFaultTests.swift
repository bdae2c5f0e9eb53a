import AsyncHTTPClient
import CoreServer
import EdgeVerdicts
import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import TesseraSessions
import TestSupport
import Testing

@testable import TesseraRemoteCore

/// The same over sockets: a core behind a server with faults.
///
/// No time is measured: what would wait would wait for ever, or
/// past the limit of the test.
@Suite("A core that is ill, over sockets", .timeLimit(.minutes(5)))
struct SocketFaultTests {
    private static let modes: [FaultyServer.Mode] = [
        .hang, .halfAnswer, .drop, .status(503, "Retry-After: 30\r\n"), .status(500),
        .status(429, "Retry-After: 30\r\n"),
    ]

    /// Runs a core on a free port.
    private func withCore(_ body: @escaping @Sendable (_ port: Int) async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let service = try await SessionManager(
            storage: InMemorySessionStorage(), policy: SessionPolicy(signingAlgorithm: .es256), clock: .system)
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: logger)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let (ports, running) = AsyncStream.makeStream(of: Int.self)
            let server = CoreHTTPServer(api: api, host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }
            group.addTask {
                try await server.run()
                return false
            }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            group.addTask {
                try await body(port)
                return true
            }
            let isDone = try await group.next()
            #expect(isDone == true)
            group.cancelAll()
        }
    }

    /// Waits for one core as long as it takes: on a slow machine a healthy one would seem to hang.
    private struct Patient: CoreTransport {
        let port: Int

        func send(
            _ request: TesseraRemoteCore.CoreRequest, limit: Int
        ) async throws(CoreTransportError) -> TesseraRemoteCore.CoreResponse {
            guard request.url.contains(":\(port)/") else {
                return try await HTTPClientTransport.shared.send(request, limit: limit)
            }
            var request = request
            request.timeout = nil
            return try await HTTPClientTransport(client: .shared, timeoutSeconds: 240).send(request, limit: limit)
        }
    }

    private static func sessions(
        _ ports: [Int], clock: TestClock, transport: any CoreTransport = HTTPClientTransport.shared
    ) throws -> (sessions: Sessions, core: RemoteCore) {
        let app = try AppInfo(name: "Test", apiDomain: "https://api.test")
        var sources = ClockAndRandomness.system
        sources.time = { clock.now }
        let core = try RemoteCore(
            connectionURI: ports.map { "http://127.0.0.1:\($0)" }.joined(separator: ";"), app: app,
            transport: transport, clock: sources, wait: { clock.advance(by: Milliseconds($0)) })
        return (try Sessions(app: app, backend: core, clock: sources), core)
    }

    @Test(
        "finding S7: verification goes on while the core is ill, and its keys are fetched when it is well again",
        arguments: modes)
    func keys(mode: FaultyServer.Mode) async throws {
        try await withCore { port in
            let server = try FaultyServer(passingTo: port)
            defer { server.close() }
            let clock = TestClock(ClockAndRandomness.system.time())
            let (sessions, core) = try Self.sessions([server.port], clock: clock)
            let session = try await sessions.create(userID: "u")
            _ = try await sessions.session(accessToken: session.accessToken)
            // A set whose life ends long before that of the token.
            let keys = KeySetCache(client: core.client, longest: .seconds(1), staleness: .seconds(3_600))
            _ = try await keys.current()
            let before = server.requests.count
            server.set(mode)
            clock.advance(by: .seconds(2))
            #expect(try await keys.current().number == 1)
            await server.requests(atLeast: before + 1)
            for _ in 0..<20 {
                #expect(try await keys.current().number == 1)
                #expect(try await sessions.session(accessToken: session.accessToken)?.userID == "u")
            }
            await keys.settle()
            server.set(.pass)
            clock.advance(by: .seconds(1))
            _ = try await keys.current()
            await keys.settle()
            #expect(try await keys.current().number == 2)
        }
    }

    @Test("finding S8: another host answers at once, and a core that is well again is used", arguments: modes)
    func failover(mode: FaultyServer.Mode) async throws {
        try await withCore { port in
            let (ill, well) = (try FaultyServer(passingTo: port, mode: mode), try FaultyServer(passingTo: port))
            defer {
                ill.close()
                well.close()
            }
            let clock = TestClock(ClockAndRandomness.system.time())
            let (sessions, core) = try Self.sessions(
                [ill.port, well.port], clock: clock, transport: Patient(port: well.port))
            if mode == .status(500) {
                // A fault of the core is no reason to ask another one.
                let error = await #expect(throws: SessionError.self) { try await core.information(on: "h") }
                #expect(error?.code == .coreRejected)
                return
            }
            _ = try await core.information(on: "h")
            let session = try await sessions.create(userID: "u")
            let refreshed = try await sessions.refresh(refreshToken: try #require(session.refreshToken))
            #expect(try await sessions.session(accessToken: refreshed.accessToken)?.userID == "u")
            ill.set(.pass)
            clock.advance(by: .seconds(61))
            let before = ill.requests.count
            for _ in 0..<2 { _ = try await core.information(on: "h") }
            #expect(ill.requests.count > before)
        }
    }

    @Test("finding S8: a reply that is lost is asked for again: the same refresh token gives the same successor")
    func lostReply() async throws {
        try await withCore { port in
            let (first, second) = (try FaultyServer(passingTo: port), try FaultyServer(passingTo: port))
            defer {
                first.close()
                second.close()
            }
            let (sessions, core) = try Self.sessions(
                [first.port, second.port], clock: TestClock(ClockAndRandomness.system.time()))
            let session = try await sessions.create(userID: "u")
            let token = try #require(session.refreshToken)
            let successor = try await sessions.refresh(refreshToken: token).refreshToken?.exposed
            for server in [first, second] {
                server.set(.drop)
                let again = try await sessions.refresh(refreshToken: token).refreshToken?.exposed
                #expect(again == successor)
                server.set(.pass)
            }
            _ = core
        }
    }

    @Test("finding S8: a core that is not there is told as 503 at once, and used as soon as it is back")
    func refused() async throws {
        try await withCore { port in
            let server = try FaultyServer(passingTo: port)
            defer { server.close() }
            let (sessions, core) = try Self.sessions([server.port], clock: TestClock(ClockAndRandomness.system.time()))
            server.stopListening()
            for _ in 0..<3 {
                let error = await #expect(throws: SessionError.self) { try await sessions.create(userID: "u") }
                #expect(error?.code == .coreUnavailable)
            }
            let cold = await #expect(throws: KeySetUnavailable.self) { try await core.keys.current() }
            #expect(cold != nil)
            try server.listenAgain()
            let session = try await sessions.create(userID: "u")
            #expect(try await sessions.session(accessToken: session.accessToken)?.userID == "u")
        }
    }

    @Test("finding S8: Retry-After is read as a number and as a date, against the server's own clock")
    func retryAfter() {
        let now = HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(now == Timestamp(milliseconds: 784_111_777_000))
        for (text, expected) in [
            ("0", 0), ("120", 120), (" 7 ", 7), ("99999999999999999999", Int64.max / 1_000),
            ("Sun, 06 Nov 1994 08:50:07 GMT", 30), ("Sun, 06 Nov 1994 08:00:00 GMT", 0), ("-1", nil), ("1.5", nil),
            ("", nil),
            ("soon", nil), ("Sun, 31 Feb 1994 08:50:07 GMT", nil), ("Sunday, 06-Nov-94 08:50:07 GMT", nil),
        ] as [(String, Int64?)] { #expect(ReplyTimes.retryAfter(text, at: now) == expected, "\(text)") }
        #expect(ReplyTimes.retryAfter("Sun, 06 Nov 1994 08:50:07 GMT", at: nil) == nil)
    }
}
