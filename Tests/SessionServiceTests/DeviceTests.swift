import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("A user's devices (docs/devices.md)")
struct DeviceTests {
    private static let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    private static let home = ClientFacts(address: "203.0.113.57", userAgent: firefox)

    private static func create(
        _ world: World, user: String = "u1", _ facts: ClientFacts = home, tenant: TenantID = .public
    ) async throws -> IssuedTokens {
        var request = NewSession(
            userID: UserID(user), accessTokenPayload: ["p": 1], sessionData: ["d": 1], tenantID: tenant)
        request.client = facts
        guard case .created(let issued) = try await world.service.createSession(request) else {
            throw Unexpected("none")
        }
        return issued
    }

    private static func refresh(
        _ world: World, _ token: RefreshToken, _ facts: ClientFacts, atOnce: Bool = false
    ) async throws -> IssuedTokens {
        var presented = PresentedRefreshToken(refreshToken: token, rotation: atOnce ? .atOnce : .atFirstUse)
        presented.client = facts
        let result = try await world.service.refresh(presented)
        return try #require(result.tokens, "\(result)")
    }

    private static func device(_ world: World, _ issued: IssuedTokens) async throws -> SessionDevice? {
        try await world.storage.session(issued.session.handle)?.traits.device
    }

    @Test(
        "Sign-in and rotation keep what is said about the client, at both rules of rotation", arguments: [true, false])
    func facts(atOnce: Bool) async throws {
        let world = try await World()
        let first = try await Self.create(world)
        #expect(try await Self.device(world, first)?.lastAddress == "203.0.113.0/24")
        #expect(try await Self.device(world, first)?.label == "Firefox on Linux")
        world.clock.advance(by: .seconds(3_600))
        let moved = ClientFacts(address: "198.51.100.9", userAgent: Self.firefox)
        let second = try await Self.refresh(world, first.refreshToken, moved, atOnce: atOnce)
        let device = try #require(try await Self.device(world, first))
        #expect(device.firstAddress == "203.0.113.0/24" && device.lastAddress == "198.51.100.0/24")
        // Who says nothing changes nothing.
        world.clock.advance(by: .seconds(3_600))
        _ = try await Self.refresh(world, second.refreshToken, ClientFacts(), atOnce: atOnce)
        #expect(try await Self.device(world, first) == device)
    }

    @Test("What is said about a client causes no write and no audit entry of its own")
    func writes() async throws {
        let world = try await World()
        let first = try await Self.create(world)
        world.clock.advance(by: .seconds(10))
        _ = try await Self.refresh(world, first.refreshToken, Self.home)
        _ = try await Self.refresh(world, first.refreshToken, Self.home)
        let before = try await world.storage.session(first.session.handle)
        // The token is shared by now: the same answer once more is no write.
        let other = ClientFacts(address: "192.0.2.1", userAgent: "Other/1")
        _ = try await Self.refresh(world, first.refreshToken, other)
        #expect(try await world.storage.session(first.session.handle) == before)
        let events = try await world.storage.auditEvents(AuditQuery())
        #expect(events.filter { $0.event.name == .refreshed }.isEmpty, "no rotation has happened yet")
        for record in events { #expect(!"\(record.event.details)".contains("203.0"), "nothing of an address") }
    }

    @Test("Pages are complete, the newest first, each session once; a cursor of another app is none")
    func pages() async throws {
        let world = try await World()
        var handles: [SessionHandle] = []
        for number in 0..<7 {
            handles.insert(try await Self.create(world).session.handle, at: 0)
            if number % 2 == 0 { world.clock.advance(by: .seconds(1)) }
        }
        _ = try await Self.create(world, user: "u2")
        var (found, cursor): ([SessionRecord], String?) = ([], nil)
        repeat {
            let list = try #require(try await world.service.sessions(of: UserID("u1"), after: cursor, limit: 3))
            found += list.sessions
            cursor = list.next
        } while cursor != nil
        #expect(Set(found.map(\.handle)) == Set(handles) && found.count == 7)
        #expect(found.map(\.createdAt) == found.map(\.createdAt).sorted(by: >))
        #expect(found.allSatisfy { $0.accessTokenPayload.text == "{}" && $0.sessionData.text == "{}" })
        let other = try await World(seed: 2)
        for _ in 0..<2 { _ = try await Self.create(other) }
        let page = try #require(try await other.service.sessions(of: UserID("u1"), limit: 1))
        #expect(page.next != nil)
        #expect(try await world.service.sessions(of: UserID("u1"), after: page.next, limit: 3) == nil)
        for limit in [Int.min, -1, 0, 1, Int.max] {
            let list = try #require(try await world.service.sessions(of: UserID("u1"), limit: limit))
            #expect(list.sessions.count == (limit == .max ? 7 : 1))
        }
    }

    @Test("A user names and ends sessions of his own, and of no other user")
    func ownership() async throws {
        let world = try await World()
        let (mine, foreign) = (try await Self.create(world), try await Self.create(world, user: "u2"))
        let me = UserID("u1")
        #expect(try await world.service.nameDevice(of: mine.session.handle, of: me, " Laptop\u{202E} "))
        #expect(try await Self.device(world, mine)?.label == "Laptop")
        #expect(try await !world.service.nameDevice(of: foreign.session.handle, of: me, "mine"))
        #expect(try await Self.device(world, foreign)?.label == "Firefox on Linux")
        #expect(try await world.service.nameDevice(of: mine.session.handle, of: me, ""))
        #expect(try await Self.device(world, mine)?.label == "Firefox on Linux")
        let both = [foreign.session.handle, mine.session.handle, "none"]
        #expect(try await world.service.revoke(both, of: me, by: .user) == [mine.session.handle])
        #expect(try await world.storage.session(foreign.session.handle) != nil)
        let event = try #require(try await world.storage.auditEvents(AuditQuery(name: .revoked)).first?.event)
        #expect(event.actor == .user && event.means == .handle && event.handle == mine.session.handle)
    }

    @Test("ASVS 7.4.3: all but one: exactly the others end, and a session that is not the user's ends nothing")
    func others() async throws {
        let world = try await World()
        var mine: [SessionHandle] = []
        for _ in 0..<5 { mine.append(try await Self.create(world).session.handle) }
        let foreign = try await Self.create(world, user: "u2").session.handle
        let me = UserID("u1")
        for wrong in [foreign, "none"] {
            #expect(try await world.service.revokeOthers(of: me, except: wrong, by: .user) == nil)
        }
        #expect(try await world.service.handles(of: me).count == 5)
        let ended = try #require(try await world.service.revokeOthers(of: me, except: mine[2], by: .user))
        #expect(Set(ended) == Set(mine).subtracting([mine[2]]))
        #expect(try await world.service.handles(of: me) == [mine[2]])
        #expect(try await world.storage.session(foreign) != nil)
        let means = try await world.storage.auditEvents(AuditQuery(name: .revoked)).map(\.event.means)
        #expect(means == Array(repeating: .others, count: 4))
    }

    @Test("What is forgotten stays forgotten after a refresh, and sessions live on")
    func forgetting() async throws {
        let world = try await World()
        let issued = try await Self.create(world)
        let foreign = try await Self.create(world, user: "u2")
        #expect(try await world.service.forgetDevices(of: UserID("u1")) == 1)
        #expect(try await Self.device(world, issued) == nil)
        #expect(try await Self.device(world, foreign) != nil)
        world.clock.advance(by: .seconds(10))
        _ = try await world.refreshed(issued.refreshToken)
        #expect(try await Self.device(world, issued) == nil)
        #expect(try await world.service.forgetDevices(of: UserID("u1")) == 0)
    }

    @Test("A stricter choice reaches a session with its next rotation, also where nothing is said about the client")
    func stricter() async throws {
        let world = try await World()
        let issued = try await Self.create(world)
        var policy = World.policy
        policy.devicePrivacy = DevicePrivacy(address: .off, userAgent: .label)
        let stricter = try await World.makeService(seed: 2, policy: policy, storage: world.storage, clock: world.clock)
        world.clock.advance(by: .seconds(3_600))
        let presented = PresentedRefreshToken(refreshToken: issued.refreshToken, rotation: .atOnce)
        _ = try #require(try await stricter.refresh(presented).tokens)
        var kept = SessionDevice()
        kept.derivedLabel = "Firefox on Linux"
        #expect(try await Self.device(world, issued) == kept)
    }

    @Test("The last use is that of the last rotation")
    func lastSeen() async throws {
        let world = try await World()
        let first = try await Self.create(world)
        let begun = world.clock.now
        world.clock.advance(by: .seconds(100))
        _ = try await Self.refresh(world, first.refreshToken, Self.home, atOnce: true)
        let record = try #require(try await world.storage.session(first.session.handle))
        #expect(record.lastSeen == begun + .seconds(100))
    }
}
