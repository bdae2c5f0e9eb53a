import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Ending sessions (docs/specification/core.md 4.7)")
struct RevocationTests {
    @Test("A revoked session is gone for storage; its first access token lives on unless storage is asked")
    func revoke() async throws {
        let world = try await World()
        let (first, second) = (try await world.create(), try await world.create())
        #expect(try await world.service.revoke([first.session.handle]) == [first.session.handle])
        #expect(try await world.service.handles(of: UserID("u1")) == [second.session.handle])
        #expect(try await world.service.session(first.session.handle) == nil)
        #expect(try await !world.service.replaceData(of: first.session.handle, sessionData: [:]))
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .sessionNotActive)
        #expect(try await world.refresh(first.refreshToken).refusal == .sessionNotActive)
        #expect(try await world.verdict(second.accessToken.exposed, database: true) == .valid)
    }

    @Test(
        "Any refresh token of a session ends it, and a superseded one is reuse in the audit log",
        arguments: [0, 1, 2, 3, 5])
    func withToken(age: Int) async throws {
        let world = try await World()
        var tokens = [try await world.create()]
        for _ in 0..<5 {
            world.clock.advance(by: .seconds(300))
            tokens.append(try await world.refreshed(try #require(tokens.last).refreshToken))
        }
        // The last token is a successor that was never used: the one before it is current.
        let presented = tokens[tokens.count - 1 - age]
        let other = try await world.create()
        #expect(try await world.service.revoke(with: presented.refreshToken, by: .user))
        #expect(try await world.service.session(presented.session.handle) == nil)
        #expect(try await world.service.session(other.session.handle) != nil)
        #expect(
            try await !world.service.revoke(with: presented.refreshToken, by: .user), "there is no session any more")
        let names: [AuditEvent.Name] = [.revoked, .reuseDetected]
        let events = try await world.storage.auditEvents(AuditQuery(handle: presented.session.handle)).map(\.event)
        let ends = events.filter { names.contains($0.name) }
        #expect(ends.count == 1 && ends.first?.name == (age <= 2 ? .revoked : .reuseDetected))
        #expect(ends.first?.means == (age <= 2 ? .handle : .reuse) && ends.first?.actor == (age <= 2 ? .user : .core))
    }

    @Test("What is no refresh token of the app ends nothing")
    func withForeignToken() async throws {
        let (world, other) = (try await World(), try await World(seed: 2))
        let (mine, theirs) = (try await world.create(), try await other.create())
        for text in [
            "", "x", "a.b.V2", theirs.refreshToken.exposed, mine.accessToken.exposed,
            String(mine.refreshToken.exposed.dropLast()), mine.refreshToken.exposed + "x",
        ] {
            #expect(try await !world.service.revoke(with: RefreshToken(text)))
        }
        #expect(try await world.service.session(mine.session.handle) != nil)
    }

    @Test("A child of a revoked session is refused at once")
    func revokedChild() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await world.service.revoke([first.session.handle])
        #expect(try await world.verdict(child.accessToken.exposed) == .sessionNotActive)
        #expect(try await world.refresh(child.refreshToken).refusal == .sessionNotActive)
    }

    @Test("Revoking two of four leaves exactly the other two for the user's revocation")
    func revokeSeveral() async throws {
        let world = try await World()
        var handles: [SessionHandle] = []
        for _ in 0..<4 {
            handles.append(try await world.create().session.handle)
            world.clock.advance(by: Milliseconds(1))
        }
        #expect(try await world.service.revoke([handles[3], handles[1], handles[3]]) == [handles[3], handles[1]])
        #expect(try await world.service.revokeAll(of: UserID("u1")) == [handles[0], handles[2]])
        #expect(try await world.service.revokeAll(of: UserID("u1")).isEmpty)
    }

    @Test("Handles of nothing are revoked without an error")
    func revokeUnknown() async throws {
        let world = try await World()
        #expect(try await world.service.revoke([SessionHandle("nothing"), SessionHandle("")]).isEmpty)
        #expect(try await world.service.revoke([]).isEmpty)
        #expect(try await world.service.revokeAll(of: UserID("nobody")).isEmpty)
    }

    @Test("A user's revocation touches nobody else's sessions")
    func otherUsers() async throws {
        let world = try await World()
        let other = try await world.create(user: "u2")
        _ = try await world.create(user: "u1")
        _ = try await world.service.revokeAll(of: UserID("u1"))
        #expect(try await world.service.handles(of: UserID("u2")) == [other.session.handle])
    }

    @Test("A user's revocation reaches every tenant, or the one that is named")
    func tenants() async throws {
        let world = try await World()
        let home = try await world.create()
        world.clock.advance(by: Milliseconds(1))
        let away = try await world.create(tenant: TenantID("t1"))
        world.clock.advance(by: Milliseconds(1))
        let other = try await world.create(tenant: TenantID("t2"))
        let user = UserID("u1")
        #expect(try await world.service.revokeAll(of: user, tenant: TenantID("t1")) == [away.session.handle])
        #expect(try await world.service.revokeAll(of: user) == [home.session.handle, other.session.handle])
    }

    @Test("Nothing raises a revoked session: no refresh, no verification, no change of data")
    func noResurrection() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await world.service.revoke([first.session.handle])
        _ = try await world.refresh(first.refreshToken)
        _ = try await world.verify(child.accessToken.exposed, database: true)
        _ = try await world.service.replaceData(of: first.session.handle, accessTokenPayload: [:])
        _ = try await world.service.regenerate(accessToken: first.accessToken.exposed, payload: ["k": 1])
        #expect(try await world.storage.session(first.session.handle) == nil)
    }
}
