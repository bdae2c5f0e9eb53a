import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Limits of sessions and of their number (docs/policy.md)")
struct PolicyTests {
    private static func policy(_ limits: SessionLimits, most limit: SessionLimit? = nil) -> SessionPolicy {
        var policy = World.policy
        (policy.limits, policy.sessionLimit) = (limits, limit)
        return policy
    }

    private static func storages(_ folder: TemporaryFolder) throws -> [any SessionStorage] {
        [InMemorySessionStorage(), try SQLiteDatabase(folder: folder.path).storage(of: .public)]
    }

    @Test(
        "finding P6: a shorter absolute limit ends sessions at once, in every operation; a longer one counts from the next use"
    )
    func shortened() async throws {
        let folder = try TemporaryFolder()
        for storage in try Self.storages(folder) {
            let world = try await World(policy: Self.policy(.none), storage: storage)
            let (old, young) = (try await world.create(user: "u"), try await world.create(user: "v"))
            world.clock.advance(by: .seconds(1_000))
            let strict = try await World.makeService(
                seed: 2, policy: Self.policy(SessionLimits(absolute: .seconds(1_000))), storage: storage,
                clock: world.clock)
            #expect(try await strict.session(old.session.handle) == nil)
            #expect(try await strict.handles(of: UserID("u")).isEmpty)
            #expect(try await !strict.replaceData(of: old.session.handle, sessionData: ["a": 1]))
            let verified = try await strict.verify(
                PresentedAccessToken(accessToken: old.accessToken.exposed, checksDatabase: true))
            guard case .sessionNotActive = verified else { throw Unexpected("\(verified)") }
            var look = PresentedAccessToken(accessToken: old.accessToken.exposed)
            look.checksRevocation = true
            guard case .sessionNotActive = try await strict.verify(look) else { throw Unexpected("isLive") }
            let refreshed = try await strict.refresh(PresentedRefreshToken(refreshToken: old.refreshToken))
            #expect(refreshed.refusal == .sessionNotActive)
            // The stored end is as it was: with the limit gone both live on.
            #expect(try await world.service.session(young.session.handle) != nil)
            // The sweep takes it, and says why and when.
            #expect(try await strict.removeExpiredSessions(atMost: 10) == 2)
            let event = try #require(try await storage.auditEvents(AuditQuery(name: .revoked)).last?.event)
            #expect(event.means == .expiry && event.details["reason"] == "absolute")
            #expect(event.details["endedAt"]?.number?.int64 == world.clock.now.milliseconds)
        }
    }

    @Test("The audit log says which limit ended a session, and when", arguments: ["idle", "absolute", "validity"])
    func reasons(reason: String) async throws {
        let folder = try TemporaryFolder()
        let limits =
            switch reason {
            case "idle": SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))
            case "absolute": SessionLimits(absolute: .seconds(43_200))
            default: SessionLimits.none
            }
        for storage in try Self.storages(folder) {
            let world = try await World(policy: Self.policy(limits), storage: storage)
            let created = try await world.create()
            world.clock.advance(by: .days(101))
            #expect(try await world.service.removeExpiredSessions(atMost: 10) == 1)
            let event = try #require(try await storage.auditEvents(AuditQuery(name: .revoked)).first?.event)
            #expect(event.details["reason"] == .string(reason))
            #expect(event.details["endedAt"]?.number?.int64 == created.refreshTokenExpiresAt.milliseconds)
        }
    }

    @Test("A clock that is set back ends nobody, and lengthens the idle time by as much")
    func clockSetBack() async throws {
        let world = try await World(policy: Self.policy(SessionLimits(idle: .seconds(900))))
        let first = try await world.create()
        world.clock.advance(by: .seconds(-3_600))
        #expect(try await world.service.session(first.session.handle) != nil)
        world.clock.advance(by: .seconds(4_499))
        #expect(try await world.service.session(first.session.handle) != nil)
        world.clock.advance(by: .seconds(1))
        #expect(try await world.service.session(first.session.handle) == nil)
    }

    @Test("Sessions of before the limits are covered by them from their next write on, and the absolute one at once")
    func older() async throws {
        let world = try await World(policy: Self.policy(.none))
        let first = try await world.create()
        world.clock.advance(by: .seconds(5_000))
        let limited = try await World.makeService(
            seed: 3, policy: Self.policy(SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))),
            storage: world.storage, clock: world.clock)
        let result = try await limited.refresh(PresentedRefreshToken(refreshToken: first.refreshToken))
        #expect(result.tokens?.refreshTokenExpiresAt == world.clock.now + .seconds(900))
        #expect(
            result.tokens?.accessToken.expiresAt
                == Timestamp(milliseconds: (world.clock.now.wholeSeconds + 180) * 1_000))
    }

    @Test("Of 50 sign-ins at once 3 live and 47 were evicted, 10 rounds", arguments: ["memory", "sqlite"])
    func parallel(place: String) async throws {
        let folder = try TemporaryFolder()
        let storage = try #require(try Self.storages(folder)[place == "memory" ? 0 : 1])
        let world = try await World(policy: Self.policy(.none, most: SessionLimit(3)), storage: storage)
        for round in 0..<10 {
            let user = "u\(round)"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 { group.addTask { _ = try await world.create(user: user) } }
                try await group.waitForAll()
            }
            #expect(try await world.service.handles(of: UserID(user)).count == 3)
            let ends = try await storage.auditEvents(AuditQuery(userID: UserID(user), name: .revoked))
            #expect(ends.count == 47 && ends.allSatisfy { $0.event.means == .limit && $0.event.actor == .core })
            #expect(ends.first?.event.details["limit"] == 3 && ends.first?.event.details["action"] == "EVICT_OLDEST")
            #expect(ends.first?.event.details["replacedBy"]?.string?.isEmpty == false)
        }
    }

    @Test("What is refused is refused 47 times of 50, and written down", arguments: ["memory", "sqlite"])
    func refused(place: String) async throws {
        let folder = try TemporaryFolder()
        let storage = try #require(try Self.storages(folder)[place == "memory" ? 0 : 1])
        let world = try await World(
            policy: Self.policy(.none, most: SessionLimit(3, action: .refuseNew)), storage: storage)
        let refusals = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let result = try await world.service.createSession(NewSession(userID: "u"))
                    if case .limitReached(let limit, let handles) = result {
                        return limit.count == 3 && handles.count == 3
                    }
                    return false
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refusals == 47)
        #expect(try await world.service.handles(of: UserID("u")).count == 3)
        let events = try await storage.auditEvents(AuditQuery(userID: UserID("u"), name: .refused))
        #expect(events.count == 47 && events.allSatisfy { $0.event.handle == nil && $0.event.details["count"] == 3 })
    }

    @Test("Which sessions end: the oldest, or those unused for the longest time; only living ones count, and by scope")
    func order() async throws {
        let folder = try TemporaryFolder()
        for storage in try Self.storages(folder) {
            for (seed, action) in [SessionLimit.Action.evictOldest, .evictIdle].enumerated() {
                let user = UserID("\(action)")
                let limit = SessionLimit(2, action: action)
                let policy = Self.policy(SessionLimits(idle: .seconds(900)), most: limit)
                let world = try await World(seed: UInt64(seed + 1), policy: policy, storage: storage)
                let first = try await world.create(user: user.rawValue)
                world.clock.advance(by: .seconds(10))
                let second = try await world.create(user: user.rawValue)
                world.clock.advance(by: .seconds(10))
                let used = try await world.refreshed(first.refreshToken)
                _ = try await world.verdict(used.accessToken.exposed)
                world.clock.advance(by: .seconds(10))
                let third = try await world.create(user: user.rawValue)
                let left = Set(try await world.service.handles(of: user))
                let kept = action == .evictOldest ? second : first
                #expect(left == [kept.session.handle, third.session.handle], "\(action)")
                // Those that are over do not count, although their rows are there.
                world.clock.advance(by: .seconds(2_000))
                _ = try await world.create(user: user.rawValue)
                #expect(try await storage.session(kept.session.handle) != nil)
            }
            var scoped = Self.policy(.none, most: SessionLimit(1, scope: .tenant))
            let world = try await World(seed: 7, policy: scoped, storage: storage)
            for tenant in ["public", "t1", "t1", "t2"] {
                _ = try await world.create(user: "w", tenant: TenantID(tenant))
            }
            #expect(try await world.service.handles(of: UserID("w")).count == 3)
            scoped.sessionLimit = SessionLimit(1)
            let whole = try await World(seed: 8, policy: scoped, storage: storage, clock: world.clock)
            _ = try await whole.create(user: "w")
            #expect(try await whole.service.handles(of: UserID("w")).count == 1)
        }
    }

    @Test("With no limit on their number a creation is one insert, as ever")
    func plainInsert() async throws {
        let world = try await World(policy: Self.policy(SessionLimits(idle: .seconds(900))))
        let created = try await world.create()
        let events = try await world.storage.auditEvents(AuditQuery())
        let event = try #require(events.first { $0.event.name == .created }?.event)
        #expect(event.details["expiresAt"]?.number?.int64 == created.refreshTokenExpiresAt.milliseconds)
    }
}
