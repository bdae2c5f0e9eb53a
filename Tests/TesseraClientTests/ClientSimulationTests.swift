import HTTPTypes
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

@Suite("Hours of virtual use behind a proxy that fails")
struct ClientSimulationTests {
    /// 10,000 minutes in all.
    @Test("no session is lost but by a verdict, no refresh loops, no token leaves the origin", arguments: 0..<100)
    func use(_ seed: Int) async throws {
        let life = try await SimulatedUse(seed: UInt64(seed))
        for _ in 0..<100 { try await life.minute() }
        try await life.calm()
    }
}

/// Clients of one store whose requests meet faults.
final class SimulatedUse: Sendable {
    private let seed: UInt64
    private let place: ClientPlace
    private let clients: [SessionClient]
    private let dice: TestClock
    /// The session that was kept after the last call.
    private let known = Mutex<String?>(nil)

    private static let statuses =
        [301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 413, 414, 415, 418, 421, 422]
        + [425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 520, 522, 525, 530]

    private static let fields = ["front-token", "st-access-token", "st-refresh-token", "dpop-nonce"]

    init(seed: UInt64) async throws {
        self.seed = seed
        dice = TestClock(seed: seed &* 7_919 &+ 1)
        let store = MemoryStore()
        let life = Duration.seconds(Int64([60, 300, 3_600][Int(dice.nextBits() % 3)]))
        let rotation = dice.nextBits() % 2 == 0 ? ScriptedServer.Rotation.atFirstUse : .atOnce(grace: .seconds(86_400))
        let proofs = [ProofUse.off, .refresh, .everyCall][Int(dice.nextBits() % 3)]
        place = try ClientPlace(life: life, rotation: rotation, seed: seed, store: store) { $0.proofs = proofs }
        let other = try ClientPlace.client(place.server, store, place.clock.clock()) { $0.proofs = proofs }
        let asked = [ScriptedServer.Proofs.accept, .accept, .everyCall, .off][Int(dice.nextBits() % 4)]
        place.server.setProofs(asked, asksForNonce: dice.nextBits() % 3 == 0)
        clients = [place.client, other]
        try await place.signIn()
    }

    /// A minute: some calls, each with its faults, and what else happens in the life of a device.
    func minute() async throws {
        for _ in 0..<(1 + dice.nextBits() % 3) {
            setFaults()
            let client = clients[Int(dice.nextBits() % 2)]
            let activity = dice.nextBits() % 4 == 0 ? SessionActivity.background : .foreground
            await SessionActivity.$current.withValue(activity) { await call(client) }
            try await check()
            place.clock.advance(by: .milliseconds(Int64(dice.nextBits() % 40_000)))
        }
    }

    private func call(_ client: SessionClient) async {
        switch dice.nextBits() % 60 {
        case 0: _ = try? await client.signOut()
        case 1: place.server.endAll()
        case 2: place.clock.setWall(place.clock.wall &+ 31_536_000_000)
        case 3: place.clock.setWall(place.clock.wall &- 31_536_000_000)
        case 4...7: _ = try? await client.data(for: ClientPlace.request(.post, "/payload"))
        case 8, 9: await together(client)
        default: _ = try? await place.me(client)
        }
        guard case .signedOut? = try? await client.state else { return }
        _ = try? await client.data(for: ClientPlace.request(.post, "/login"), body: .bytes(Array("alice".utf8)))
    }

    private func together(_ client: SessionClient) async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask { _ = try? await self.place.me(number % 2 == 0 ? client : self.place.client) }
            }
        }
    }

    /// One request in four meets a fault.
    private func setFaults() {
        let dice = dice
        place.server.setFault { _, _ in
            guard dice.nextBits() % 4 == 0 else { return nil }
            let number = dice.nextBits()
            switch number % 9 {
            case 0, 1: return .unanswered
            case 2: return .lost
            case 3: return .cut(Int(number / 16 % 3))
            case 4: return .delay(.seconds(Int64(number / 16 % 20)))
            case 5: return .status(Self.statuses[Int(number / 16 % UInt64(Self.statuses.count))])
            case 6: return .redirect("https://evil.example/take")
            case 7: return .stripped([Self.fields[Int(number / 16 % 4)]])
            default: return .insecure
            }
        }
    }

    /// The properties, after each call.
    private func check() async throws {
        let (record, session) = (place.server.record, try await place.store.read())
        #expect(!record.ended.values.contains("theft"), "seed \(seed): an honest user is accused")
        #expect(!record.refusedProofs.contains("other_key"), "seed \(seed): a session is proved by the key of another")
        #expect(session.reason != .keyLost, "seed \(seed): a key is lost")
        if let tokens = session.tokens, let front = FrontToken(tokens.front), let handle = front.sessionHandle {
            #expect(tokens.refresh.text.hasPrefix("r.\(handle)."), "seed \(seed): tokens of two sessions")
        }
        let leaked = record.foreign.contains { request in
            request.headerFields.contains { field in record.tokens.contains { field.value.contains($0) } }
        }
        #expect(!leaked, "seed \(seed): a token left the origin")
        let loops = zip(record.attempts, record.attempts.dropFirst(8)).contains { $1 - $0 < 1_000 }
        #expect(!loops, "seed \(seed): a refresh loops")
        let alive = place.server.liveSessions
        known.withLock { known in
            if session.tokens == nil, session.reason != .user, let last = known {
                #expect(!alive.contains(last), "seed \(seed): \(last) lives, and is not here any more")
            }
            known = session.tokens.flatMap { FrontToken($0.front)?.sessionHandle }
        }
    }

    /// The faults end: all is well again, and the server knows each sign-out.
    func calm() async throws {
        place.server.setFault(nil)
        place.clock.advance(by: .seconds(301))
        for client in clients {
            if case .signedOut = try await client.state {
                _ = try await client.data(for: ClientPlace.request(.post, "/login"), body: .bytes(Array("alice".utf8)))
            }
            place.clock.advance(by: .seconds(31))
            let (status, text) = try await place.me(client)
            #expect(status == 200 && text == "alice" || place.server.liveSessions.isEmpty, "seed \(seed)")
            await client.signOuts?.value
        }
        try await check()
        #expect(try await place.store.read().pendingSignOuts == [], "seed \(seed): a sign-out was not told")
    }
}
