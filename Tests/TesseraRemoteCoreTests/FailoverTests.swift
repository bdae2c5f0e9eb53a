import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@testable import TesseraRemoteCore

@Suite("Cores that refuse, hang or are busy (docs/decisions/0032); in virtual time", .timeLimit(.minutes(5)))
struct FailoverTests {
    static let faults: [FaultyCores.Mode] = [
        .refuse, .hang, .reset, .status(503), .status(503, retryAfter: 30), .status(502), .status(504),
        .status(429, retryAfter: 30), .slow(60_000),
    ]

    private static func cores() -> FaultyCores { FaultyCores(KeyChanges().clock) }
    private static let token = PresentedRefreshToken(refreshToken: RefreshToken("t"))

    @Test("finding S8: what may be repeated is answered by the next host, and soon by it alone", arguments: faults)
    func repeatable(fault: FaultyCores.Mode) async throws {
        let cores = Self.cores()
        cores.set(fault, of: "one")
        let backend = try cores.backend(["one", "two"])
        let start = cores.clock.time
        #expect(try await backend.information(on: "h") == nil)
        #expect(cores.clock.time - start <= .seconds(4), "two seconds for the version, two for the call")
        cores.forget()
        for _ in 0..<10 { _ = try await backend.information(on: "h") }
        #expect(cores.asked.allSatisfy { $0.host == "two" }, "the host that failed is left alone for half a second")
        let error = await #expect(throws: SessionError.self) { try await backend.refresh(Self.token) }
        #expect(error?.code == .unauthorised, "the answer of the second host")
    }

    @Test("finding S8: creating is repeated only where nothing was sent", arguments: faults)
    func creating(fault: FaultyCores.Mode) async throws {
        let cores = Self.cores()
        let backend = try cores.backend(["one", "two"])
        for _ in 0..<2 { _ = try await backend.information(on: "h") }
        for host in ["one", "two"] { cores.set(fault, of: host) }
        cores.forget()
        let error = await #expect(throws: SessionError.self) { try await backend.create(NewSession(userID: "u")) }
        #expect(error?.code == .coreUnavailable)
        switch fault {
        case .refuse: #expect(cores.asked.count == 4 && cores.waits == [250])
        case .status(429, _): #expect(cores.asked.count == 2)
        default: #expect(cores.asked.count == 1, "it may have arrived")
        }
        if case .status(_, let seconds) = fault { #expect(error?.retryAfterSeconds == seconds) }
    }

    @Test("finding S8: a new session goes to a host that has answered, not to one that nothing is known about")
    func proven() async throws {
        let cores = Self.cores()
        cores.set(.hang, of: "two")
        let backend = try cores.backend(["one", "two"])
        // The version came from the first host; it would be the second one's turn.
        let error = await #expect(throws: SessionError.self) { try await backend.create(NewSession(userID: "u")) }
        #expect(error?.code == .coreRejected, "an answer, if not that of a real core")
        #expect(cores.asked.map(\.host) == ["one", "one"])
    }

    @Test("finding S8: all hosts are busy for a second: asked once more; for longer: that is the client's to wait for")
    func busy() async throws {
        for (seconds, waits, requests) in [(1, [1_000], 4), (nil, [250], 4), (2, [], 2), (30, [], 2)]
            as [(Int64?, [Int64], Int)]
        {
            let cores = Self.cores()
            let backend = try cores.backend(["one", "two"])
            _ = try await backend.information(on: "h")
            cores.forget()
            for host in ["one", "two"] { cores.set(.status(503, retryAfter: seconds), of: host) }
            let error = await #expect(throws: SessionError.self) { try await backend.information(on: "h") }
            #expect(error?.code == .coreUnavailable && error?.retryAfterSeconds == seconds)
            #expect(cores.waits == waits && cores.asked.count == requests)
        }
    }

    @Test("finding S8: the client is told when to ask again", arguments: [nil, 0, 1, 7, 99_999] as [Int64?])
    func outward(seconds: Int64?) async throws {
        let cores = Self.cores()
        cores.set(.status(503, retryAfter: seconds))
        let sessions = try Sessions(
            app: AppInfo(name: "Test", apiDomain: "https://api.example.com"), backend: cores.backend())
        let exchange = SessionExchange(
            request: HTTPRequest(
                method: .post, scheme: nil, authority: nil, path: "/auth/session/refresh",
                headerFields: [.authorization: "Bearer t"]))
        let route = try #require(sessions.route(for: exchange.request))
        let reply = await sessions.answer(route, in: exchange)
        #expect(reply.status == .serviceUnavailable)
        #expect(reply.headerFields[.retryAfter] == String(min(max(seconds ?? 1, 1), 3_600)))
        #expect(exchange.changes.isEmpty, "the client keeps its tokens")
    }

    @Test("finding S8: 429 is waited for as long as it says, a second at most")
    func tooMany() async throws {
        for (seconds, waits) in [
            (nil, [10, 260, 510, 760, 1_010]), (1, [1_000, 1_000, 1_000, 1_000, 1_010]), (5, []),
        ] as [(Int64?, [Int64])] {
            let cores = Self.cores()
            let backend = try cores.backend()
            _ = try await backend.information(on: "h")
            cores.set(.status(429, retryAfter: seconds))
            let error = await #expect(throws: SessionError.self) { try await backend.information(on: "h") }
            #expect(error?.code == .coreUnavailable && error?.reason.contains("with status code: 429") == true)
            #expect(cores.waits == waits)
        }
    }

    @Test("finding S8: a host that failed is used again within a second", arguments: faults)
    func recovery(fault: FaultyCores.Mode) async throws {
        let cores = Self.cores()
        cores.set(fault, of: "one")
        let backend = try cores.backend(["one", "two"])
        for _ in 0..<4 { _ = try await backend.information(on: "h") }
        cores.set(.good, of: "one")
        cores.clock.advance(by: .seconds(1))
        cores.forget()
        for _ in 0..<4 { _ = try await backend.information(on: "h") }
        let asksForLonger = if case .status(_, retryAfter: 30) = fault { true } else { false }
        #expect(cores.asked.contains { $0.host == "one" } != asksForLonger)
        // A sole host is asked at once, whatever it asked for: nothing here keeps a session waiting.
        let sole = try cores.backend(["one"])
        cores.set(fault, of: "one")
        _ = try? await sole.information(on: "h")
        cores.set(.good, of: "one")
        #expect(try await sole.information(on: "h") == nil)
    }

    @Test("finding S8: a host that goes on hanging costs one call at a time half a second")
    func probes() async throws {
        let cores = Self.cores()
        cores.set(.hang, of: "one")
        let backend = try cores.backend(["one", "two"])
        for _ in 0..<2 { _ = try await backend.information(on: "h") }
        cores.clock.advance(by: .seconds(1))
        cores.forget()
        let start = cores.clock.time
        for _ in 0..<5 { _ = try await backend.information(on: "h") }
        #expect(cores.asked.count { $0.host == "one" } == 1)
        #expect(cores.clock.time - start == .seconds(0) + CoreClient.probeTimeout)
        cores.clock.advance(by: .seconds(1))
        cores.forget()
        _ = try? await backend.create(NewSession(userID: "u"))
        #expect(cores.asked.map(\.host) == ["two"], "what cannot be repeated finds nothing out")
    }

    @Test("finding S8: no request is ever under way twice at a time")
    func hedging() async throws {
        let cores = Self.cores()
        let backend = try cores.backend(["one", "two", "three"])
        cores.set(.slow(1_900), of: "one")
        for _ in 0..<9 { _ = try await backend.information(on: "h") }
        #expect(cores.mostUnderWay == 1)
    }

    @Test("the versions of the cores are asked for once by all that wait, and again after a failure")
    func capabilities() async throws {
        let cores = Self.cores()
        let backend = try cores.backend()
        cores.set(.closed)
        try await withThrowingTaskGroup { group in
            for _ in 0..<20 { group.addTask { try await backend.information(on: "h") == nil } }
            while !cores.isKeeping { await Task.yield() }
            cores.set(.good)
            cores.open()
            for try await isAbsent in group { #expect(isAbsent) }
        }
        #expect(cores.count("/apiversion") == 1)
        for fault in [FaultyCores.Mode.refuse, .hang, .status(503), .status(401), .nonsense] {
            let other = try cores.backend()
            cores.set(fault)
            _ = try? await other.information(on: "h")
            cores.set(.good)
            cores.forget()
            for _ in 0..<3 { _ = try await other.information(on: "h") }
            #expect(cores.count("/apiversion") == 1)
        }
    }
}
