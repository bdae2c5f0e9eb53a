import Foundations
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

@Suite("Signing a user out everywhere (finding W5)")
struct MassRevocationTests {
    private let clock = TestClock()

    /// A service for which time passes as fast as it waits.
    private func service(_ storage: any SessionStorage) async throws -> SessionManager {
        let (clock, dice) = (clock, TestDice(seed: 5))
        let sources = ClockAndRandomness(
            time: { clock.now }, randomBits: { dice.next() },
            pause: { span in
                clock.advance(by: span)
                await Task.yield()
            })
        return try await SessionManager(storage: storage, policy: World.policy, clock: sources)
    }

    private func create(_ count: Int, _ service: SessionManager, user: String = "many") async throws -> [IssuedTokens] {
        var tokens: [IssuedTokens] = []
        for _ in 0..<count {
            guard case .created(let issued) = try await service.createSession(.init(userID: UserID(user))) else {
                throw Unexpected("no session")
            }
            tokens.append(issued)
        }
        return tokens
    }

    private func refuses(_ tokens: IssuedTokens, _ service: SessionManager) async throws -> Bool {
        let refreshed = try await service.refresh(.init(refreshToken: tokens.refreshToken))
        let verified = try await service.verify(
            .init(accessToken: tokens.accessToken.exposed, checksDatabase: true))
        guard case .unauthorised(.sessionNotActive) = refreshed, case .sessionNotActive = verified else { return false }
        return try await service.session(tokens.session.handle) == nil
    }

    private func isLive(_ tokens: IssuedTokens, _ service: SessionManager) async throws -> Bool {
        guard case .refreshed = try await service.refresh(.init(refreshToken: tokens.refreshToken)) else {
            return false
        }
        return try await service.session(tokens.session.handle) != nil
    }

    private func ends(_ storage: any SessionStorage) async throws -> [SessionHandle] {
        let query = AuditQuery(order: .oldestFirst(after: 0), name: .revoked, limit: 10_000)
        return try await storage.auditEvents(query).compactMap(\.event.handle)
    }

    @Test("finding W5: all are out when the call returns, and their rows follow in the background")
    func background() async throws {
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        let tokens = try await create(40, service)
        let other = try await create(1, service, user: "other")
        let ended = try await CutOff.$largestStep.withValue(10) { try await service.revokeAll(of: UserID("many")) }
        #expect(Set(ended) == Set(tokens.map(\.session.handle)))
        for each in tokens { #expect(try await refuses(each, service)) }
        let late = try await create(1, service)
        // The sweep works beside us; it is done when the log has an entry for each.
        while try await ends(storage).count < 40 { await Task.yield() }
        #expect(Set(try await ends(storage)) == Set(ended))
        #expect(try await storage.auditEvents(AuditQuery(name: .revokedAll)).count == 1)
        #expect(try await isLive(late[0], service))
        #expect(try await isLive(other[0], service))
    }

    @Test("finding W5: what a process leaves that ends before the sweep is finished by the next one")
    func restart() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        let first = try await World(storage: storage, clock: clock).service
        let tokens = try await create(30, first)
        // This service's time stands still, so that its own sweep finds nothing to do.
        _ = try await CutOff.$largestStep.withValue(10) { try await first.revokeAll(of: UserID("many")) }
        try await first.flush()
        #expect(try await first.sweepCutOffs(atMost: 100) == 0)
        let second = try await World.makeService(seed: 9, storage: storage, clock: clock)
        for each in tokens { #expect(try await refuses(each, second)) }
        clock.advance(by: .seconds(11))
        #expect(try await second.sweepCutOffs(atMost: 20) == 20)
        #expect(try await second.sweepCutOffs(atMost: 20) == 10)
        #expect(Set(try await ends(storage)) == Set(tokens.map(\.session.handle)))
    }

    @Test("finding W5: a sign-in while all of a user's sessions end lives, or is out for good")
    func race() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        let service = try await World(storage: storage, clock: clock).service
        for round in 0..<5 {
            clock.advance(by: Milliseconds(1))
            let old = try await create(12, service)
            let made = try await CutOff.$largestStep.withValue(4) {
                async let ended = service.revokeAll(of: UserID("many"))
                async let new = create(6, service)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for each in old {
                        group.addTask { _ = try await service.refresh(.init(refreshToken: each.refreshToken)) }
                    }
                    try await group.waitForAll()
                }
                _ = try await ended
                return try await new
            }
            for each in old { #expect(try await refuses(each, service), "round \(round)") }
            let listed = Set(try await service.handles(of: UserID("many")))
            for each in made {
                let isListed = listed.contains(each.session.handle)
                #expect(try await isLive(each, service) == isListed)
                #expect(try await refuses(each, service) == !isListed)
            }
            let after = try await create(1, service)
            #expect(try await isLive(after[0], service))
        }
    }

    @Test("finding W5: handles in bulk end in steps of some hundreds, each once and in order")
    func batches() async throws {
        let storage = FaultyStorage(InMemorySessionStorage()) { _ in nil }
        let service = try await service(storage)
        let handles = try await create(1_203, service).map(\.session.handle)
        let before = storage.callCount
        let asked = [handles[1_100]] + handles + [SessionHandle("nobody"), handles[3]]
        let ended = try await service.revoke(asked)
        #expect(storage.callCount == before + 3)
        #expect(ended == [handles[1_100]] + handles.filter { $0 != handles[1_100] })
        #expect(try await ends(storage).count == handles.count)
        #expect(try await service.revoke([]).isEmpty)
    }

    @Test("finding W5: a failure among the steps is an error, and asking again ends the rest")
    func failure() async throws {
        let fails = Atomic(-1)
        let storage = FaultyStorage(InMemorySessionStorage()) { call in
            call == fails.load(ordering: .relaxed) ? .before(StorageError(.unavailable, "test")) : nil
        }
        let service = try await service(storage)
        let handles = try await create(1_200, service).map(\.session.handle)
        fails.store(storage.callCount + 1, ordering: .relaxed)
        await #expect(throws: ServiceError.self) { try await service.revoke(handles) }
        #expect(try await service.revoke(handles) == Array(handles[500...]))
    }
}
