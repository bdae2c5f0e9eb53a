import InMemoryStorage
import Logging
import NIOCore
import NIOEmbedded
import SessionService
import Testing

@testable import CoreServer

/// One connection in virtual time; to be used without waiting for anything, since its loop belongs to one thread.
struct Wire {
    private let channel = EmbeddedChannel()

    static func api() async throws -> CoreAPI {
        let service = try await SessionManager(storage: InMemorySessionStorage())
        return CoreAPI(service: service, settings: CoreSettings(), logger: logger)
    }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ api: any ServedInterface) throws {
        let logger = Self.logger
        let roster = ConnectionRoster(Capacity(descriptors: 1_000), logger)
        try ConnectionHandler.install(
            Door(api, limits: ServerLimits(), roster: roster), Seat(isReserve: false), on: channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func receive(_ text: String) {
        channel.pipeline.fireChannelRead(ByteBuffer(string: text))
        channel.pipeline.fireChannelReadComplete()
    }

    func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }

    /// All that was sent since the last call.
    func sent() throws -> String {
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
        return text
    }

    /// The statuses of what was sent.
    func statuses() throws -> [String] {
        try sent().split(whereSeparator: \.isNewline).filter { $0.hasPrefix("HTTP/1.1 ") }.map {
            String($0.dropFirst(9).prefix(3))
        }
    }

    var isActive: Bool { channel.isActive }
}

/// Bytes in and bytes out of one connection, in virtual time.
struct ConnectionTests {
    private static let live = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test("a silent connection ends after 75 s, and after 75 s more when it has asked meanwhile (finding P4)")
    func silence() async throws {
        let wire = try Wire(try await Wire.api())
        wire.wait(74)
        wire.receive(Self.live)
        #expect(try wire.statuses() == ["200"])
        wire.wait(74)
        #expect(wire.isActive)
        wire.wait(1)
        #expect(!wire.isActive)
    }

    @Test("a head that dribbles in for ten seconds ends the connection, with a word")
    func slowHead() async throws {
        let wire = try Wire(try await Wire.api())
        for byte in "GET /hello" {
            wire.receive(String(byte))
            #expect(wire.isActive)
            wire.wait(1)
        }
        #expect(try wire.statuses() == ["408"])
        wire.wait(2)
        #expect(!wire.isActive)
    }

    @Test("a body that dribbles in for twenty seconds ends the connection, with a word")
    func slowBody() async throws {
        let wire = try Wire(try await Wire.api())
        wire.receive("POST /recipe/session/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        for _ in 0..<20 {
            wire.receive(" ")
            #expect(wire.isActive)
            wire.wait(1)
        }
        #expect(try wire.statuses() == ["408"])
        wire.wait(2)
        #expect(!wire.isActive)
    }

    /// What comes first, what dribbles in each second after it, and how many seconds the server bears with it.
    static let slow: [(first: String, drip: String, seconds: Int)] = [
        ("GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Le", "", 10), ("GET /hello HTTP/1.1\r\nX: ", "x", 10),
        ("GET /hello HTTP/1.1\r\n", "X-More: y\r\n", 10), (live + "GET /hello HTTP/1.1\r\nHo", "", 10),
        (body + "Content-Length: 500\r\n\r\n", "", 20), (body + "Content-Length: 500\r\n\r\n", "x", 20),
        (body + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 20),
        (body + "Content-Length: \(large)\r\n\r\n", "", 20),
    ]
    private static let body = "POST /recipe/session/verify HTTP/1.1\r\nHost: localhost\r\n"
    private static let large = 1_000_000

    @Test("whoever stops in the midst or dribbles on is ended in time, with a word", arguments: slow)
    func slowClients(first: String, drip: String, seconds: Int) async throws {
        let wire = try Wire(try await Wire.api())
        wire.receive(first)
        if first.contains("\(Self.large)") { wire.receive(String(repeating: "x", count: Self.large / 2)) }
        for _ in 0..<seconds {
            #expect(wire.isActive)
            if !drip.isEmpty { wire.receive(drip) }
            wire.wait(1)
        }
        #expect(try wire.statuses().last == "408")
        wire.wait(2)
        #expect(!wire.isActive)
    }

    @Test("a body that takes 14 s at a steady pace is served")
    func steadyBody() async throws {
        let wire = try Wire(try await Wire.api())
        wire.receive(Self.body + "Content-Length: 16\r\n\r\n{}")
        for _ in 0..<14 {
            wire.wait(1)
            wire.receive(" ")
        }
        #expect(try wire.statuses() == ["400"])
        #expect(wire.isActive)
    }

    @Test("requests that come together are answered one after the other, cut at any place (finding W3)")
    func pipeline() async throws {
        let api = try await Wire.api()
        let bytes =
            Self.live + "POST /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n\r\n\r" + Self.live
        for cut in 0...bytes.count {
            let test = try Wire(api)
            test.receive(String(bytes.prefix(cut)))
            test.receive(String(bytes.dropFirst(cut)))
            let seen = try test.statuses()
            #expect(seen == ["200", "404", "200"], "cut at \(cut)")
        }
    }

    @Test(
        "what is no HTTP/1.1 is answered with what it is, and the connection ends (findings P2, P3, P5, P6)",
        arguments: [
            ("GET /health/live HTTP/1.0\r\n\r\n", "200"), ("GET / HTTP/1.1\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"), ("FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "501"),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"), ("GET\r\n\r\n", "400"), ("\u{1}\u{2}\u{3}", "400"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"),
            ("POST /recipe/session/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", "413"),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", "417"),
        ])
    func problems(bytes: String, status: String) async throws {
        let wire = try Wire(try await Wire.api())
        // The host is judged after HTTP is.
        wire.receive(bytes.replacing("Host: a\r\n", with: "Host: localhost\r\n"))
        #expect(try wire.statuses() == [status])
        wire.wait(2)
        #expect(!wire.isActive)
    }

    @Test("a client that waits for a word before its body gets it at once, or the refusal (finding P1)")
    func expectation() async throws {
        let wire = try Wire(try await Wire.api())
        let tail = "Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        wire.receive("POST /recipe/session/verify HTTP/1.1\r\n\(tail)")
        #expect(try wire.sent() == "HTTP/1.1 100 Continue\r\n\r\n")
        wire.receive("{}")
        #expect(try wire.statuses() == ["400"])
        wire.receive("POST /nowhere HTTP/1.1\r\n\(tail)")
        #expect(try wire.statuses() == ["404"])
    }

    @Test("a page is refused where no API key is asked for, a driver is not (finding C2)")
    func pages() async throws {
        let wire = try Wire(try await Wire.api())
        for (fields, status) in [
            ("Host: localhost:3567", "200"), ("Host: [::1]:3567", "200"), ("Host: 127.9.8.7", "200"),
            ("Host: rebind.example", "403"), ("Host: 127.0.0.1.example", "403"), ("Host: 10.0.0.1", "403"),
            ("Host: localhost\r\nOrigin: null", "403"), ("Host: localhost\r\nOrigin: http://localhost", "403"),
            ("Host: localhost\r\nSec-Fetch-Site: same-origin", "403"),
            ("Host: localhost\r\nSec-Fetch-Site: none", "200"), ("Host: localhost\r\nSec-Fetch-Mode: cors", "200"),
        ] {
            wire.receive("GET /apiversion HTTP/1.1\r\n\(fields)\r\n\r\n")
            #expect(try wire.statuses() == [status], "\(fields)")
        }
    }
}

/// What follows from what, without a connection.
struct ConnectionMachineTests {
    @Test("a server that ends while a reply is being taken does not cut that reply off")
    func drainWhileReplying() {
        var machine = ConnectionMachine()
        for event: ConnectionMachine.Event in [
            .bytes, .head(keepsAlive: true), .verdict(.wanted(limit: 0)), .end,
        ] { _ = machine.handle(event) }
        #expect(machine.handle(.reply) == .send(isLast: false))
        #expect(machine.handle(.drain) == .nothing)
        #expect(machine.handle(.taken) == .proceed)
        #expect(machine.handle(.leave) == .close, "and ends then")
    }

    @Test("a request that comes while the server ends is answered, and its connection closed (upgrade)")
    func drainWhileIdle() {
        var machine = ConnectionMachine()
        #expect(machine.handle(.drain) == .nothing)
        for event: ConnectionMachine.Event in [
            .bytes, .head(keepsAlive: true), .verdict(.wanted(limit: 0)), .end,
        ] { _ = machine.handle(event) }
        #expect(machine.handle(.leave) == .nothing, "the request that is under way is answered")
        #expect(machine.handle(.reply) == .send(isLast: true))
        #expect(machine.handle(.taken) == .close)
        var silent = ConnectionMachine()
        _ = silent.handle(.drain)
        #expect(silent.handle(.leave) == .close)
    }

    @Test("a reply that is taken after the time is up closes a connection that it called open")
    func leaveWhileReplying() {
        var machine = ConnectionMachine()
        for event: ConnectionMachine.Event in [
            .bytes, .head(keepsAlive: true), .verdict(.wanted(limit: 0)), .end, .reply, .drain, .leave,
        ] { _ = machine.handle(event) }
        #expect(machine.handle(.taken) == .close)
    }
}

/// The limits that follow from what the system gives.
struct CapacityTests {
    @Test("connections leave room for what the process needs, and one peer leaves some for others (finding W7)")
    func capacity() {
        for descriptors in [0, 10, 64, 96, 1_024, 16_384, .max] {
            let capacity = Capacity(descriptors: descriptors)
            #expect(capacity.total > 0 && capacity.reserve > 0 && capacity.perPeer > 0)
            #expect(capacity.total + capacity.reserve <= 8_192)
            if descriptors > 64 { #expect(capacity.total + capacity.reserve <= descriptors - 48) }
            #expect(capacity.perPeer <= capacity.total)
        }
    }
}
