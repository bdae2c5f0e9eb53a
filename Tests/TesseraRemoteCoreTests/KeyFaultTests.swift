import EdgeVerdicts
import Foundations
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@testable import TesseraRemoteCore

/// What verification does while the core is ill (docs/decisions/0032); all in virtual time.
@Suite("Keys of a core that is ill", .timeLimit(.minutes(5)))
struct KeyFaultTests {
    static let faults: [FaultyCores.Mode] = [
        .closed, .hang, .refuse, .reset, .slow(4_000), .status(503, retryAfter: 30), .status(503), .status(429),
        .status(500), .status(404), .status(502), .nonsense,
    ]

    @Test("finding S7: with keys at hand no verification waits, and one fetch is under way", arguments: faults)
    func neverWaits(fault: FaultyCores.Mode) async throws {
        let changes = KeyChanges()
        let token = try await changes.token()
        let backend = try changes.cores.backend()
        _ = try await backend.verify(token)
        changes.clock.advance(by: .seconds(101))
        changes.cores.set(fault)
        changes.cores.forget()
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 { group.addTask { try await backend.verify(token).facts.userID } }
            for try await user in group { #expect(user == "u") }
        }
        // Those who verified are back, and the one fetch that they caused is still kept: nobody waited for it.
        if fault == .closed {
            while !changes.cores.isKeeping { await Task.yield() }
            #expect(changes.cores.count("jwks.json") == 1)
            changes.cores.open()
        }
        await backend.keys.settle()
        #expect(changes.cores.mostUnderWay == 1)
        changes.cores.set(.good)
        changes.clock.advance(by: .seconds(1))
        _ = try await backend.verify(token)
        await backend.keys.settle()
        let age = changes.clock.time - (try await backend.keys.current().fetchedAt)
        // One second after it is well again its keys are there; those of a slow core arrived before.
        #expect(age < .seconds(fault == .slow(4_000) ? 6 : 2))
    }

    @Test("finding S7: stale keys have an end, and then nothing is said about a session")
    func bounded() async throws {
        let changes = KeyChanges()
        let token = try await changes.token()
        let backend = try changes.cores.backend()
        _ = try await backend.verify(token)
        changes.cores.set(.refuse)
        for step in 0..<10 {
            changes.clock.advance(by: .seconds(109))
            _ = try await backend.verify(token)
            #expect(step < 10)
            await backend.keys.settle()
        }
        changes.clock.advance(by: .seconds(10))
        let error = await #expect(throws: SessionError.self) { try await backend.verify(token) }
        #expect(error?.code == .coreUnavailable)
        changes.cores.set(.good)
        _ = try await backend.verify(token)
    }

    @Test("finding S7: a clock that is set back asks again and keeps the keys")
    func setBack() async throws {
        let changes = KeyChanges()
        let token = try await changes.token()
        let backend = try changes.cores.backend()
        _ = try await backend.verify(token)
        changes.clock.advance(by: .seconds(-50))
        _ = try await backend.verify(token)
        await backend.keys.settle()
        #expect(changes.cores.count("jwks.json") == 2)
    }

    @Test("finding S7: a key that is not known is no verdict while the core cannot be asked", arguments: faults)
    func unknownKey(fault: FaultyCores.Mode) async throws {
        guard fault != .closed, fault != .slow(4_000) else { return }
        let changes = KeyChanges()
        let backend = try changes.cores.backend()
        let first = try await changes.token()
        _ = try await backend.verify(first)
        let second = try await changes.token()
        changes.cores.set(fault)
        for _ in 0..<5 {
            let start = changes.clock.time
            let error = await #expect(throws: SessionError.self) { try await backend.verify(second) }
            #expect(error?.code == .coreUnavailable)
            #expect(changes.clock.time - start <= .seconds(6))
            #expect(try await backend.verify(first).facts.userID == "u")
        }
        changes.cores.set(.good)
        let start = changes.clock.time
        #expect(try await backend.verify(second).facts.userID == "u")
        #expect(changes.clock.time - start < .seconds(1), "recovery within a second")
    }

    @Test("finding S7: keys that change are found at once, however shortly after another look")
    func changed() async throws {
        let changes = KeyChanges()
        let backend = try changes.cores.backend()
        var old: [PresentedAccessToken] = []
        for round in 0..<20 {
            let token = try await changes.token()
            let start = changes.clock.time
            #expect(try await backend.verify(token).facts.userID == "u", "round \(round)")
            #expect(changes.clock.time - start <= KeySetCache.cooldown)
            old.append(token)
        }
        // Those of keys that are gone are over, and that is a verdict.
        for token in old.dropLast() {
            let error = await #expect(throws: SessionError.self) { try await backend.verify(token) }
            #expect(error?.code == .tryRefreshToken)
        }
    }

    @Test("finding S7: a flood of names that no key has costs two fetches a second, and is refused or told to wait")
    func flood() async throws {
        let changes = KeyChanges()
        let backend = try changes.cores.backend()
        let good = try await changes.token()
        _ = try await backend.verify(good)
        var forged: [PresentedAccessToken] = []
        for _ in 0..<100 { forged.append(try await changes.token(isPublished: false)) }
        changes.clock.advance(by: .seconds(1))
        changes.cores.forget()
        changes.cores.set(.closed)
        let tokens = forged
        let codes = try await withThrowingTaskGroup { group in
            for token in tokens {
                group.addTask {
                    do { _ = try await backend.verify(token) } catch let error as SessionError { return error.code }
                    return SessionError.Code.misconfigured
                }
            }
            while !changes.cores.isKeeping { await Task.yield() }
            #expect(try await backend.verify(good).facts.userID == "u", "who has a good token does not wait")
            changes.cores.set(.good)
            changes.cores.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count == 100 && codes.allSatisfy { $0 == .tryRefreshToken || $0 == .coreUnavailable })
        #expect(changes.cores.mostUnderWay == 1)
        let times = changes.cores.asked.map(\.at)
        for (earlier, later) in zip(times, times.dropFirst()) { #expect(later - earlier >= KeySetCache.cooldown) }
        // The same names again cost nothing for as long as they are remembered.
        let before = changes.cores.asked.count
        let last = try #require(tokens.last)
        for _ in 0..<10 { _ = try? await backend.verify(last) }
        #expect(changes.cores.asked.count <= before + 1)
    }

    @Test("finding S7: the first verification has an end too, and all that wait share one fetch", arguments: faults)
    func cold(fault: FaultyCores.Mode) async throws {
        guard fault != .closed, fault != .slow(4_000) else { return }
        let changes = KeyChanges()
        let token = try await changes.token()
        let backend = try changes.cores.backend(["one", "two"])
        for host in ["one", "two"] { changes.cores.set(fault, of: host) }
        let start = changes.clock.time
        let error = await #expect(throws: SessionError.self) { try await backend.verify(token) }
        #expect(error?.code == .coreUnavailable && error?.reason.contains("for its keys") == true)
        #expect(changes.clock.time - start <= .seconds(7))
        if fault == .status(503, retryAfter: 30) { #expect(error?.retryAfterSeconds == 30) }
        for host in ["one", "two"] { changes.cores.set(.good, of: host) }
        #expect(try await backend.verify(token).facts.userID == "u")
    }

    @Test("finding S7: a slow core gives its keys at the first verification, and one fetch serves all")
    func shared() async throws {
        let changes = KeyChanges()
        let token = try await changes.token()
        let backend = try changes.cores.backend()
        changes.cores.set(.closed)
        try await withThrowingTaskGroup { group in
            for _ in 0..<20 { group.addTask { try await backend.verify(token).facts.userID } }
            while !changes.cores.isKeeping { await Task.yield() }
            changes.cores.set(.good)
            changes.cores.open()
            for try await user in group { #expect(user == "u") }
        }
        #expect(changes.cores.count("jwks.json") == 1)
        changes.cores.set(.slow(4_000))
        let other = try changes.cores.backend()
        #expect(try await other.verify(token).facts.userID == "u")
    }

    @Test("finding S7: a set may be kept only as long as it is current")
    func rest() async throws {
        let changes = KeyChanges()
        _ = try await changes.token()
        let backend = try changes.cores.backend()
        for (seconds, expected) in [(0, 100), (40, 60), (59, 1)] as [(Int64, Int64)] {
            changes.clock.advance(by: .seconds(seconds))
            #expect(try await backend.publishedKeys().maxAgeSeconds == expected)
        }
    }
}
