import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// A service on a database that is full: a part of the reserve is used, so that nothing ordinary is written.
private struct FullWorld {
    let folder: TemporaryFolder
    let world: World
    /// It has a successor that no one has used.
    let current: IssuedTokens
    let unused: IssuedTokens
    /// It was spent two rotations ago.
    let stale: IssuedTokens
    /// No one has refreshed it.
    let fresh: IssuedTokens

    private static let filler = UserID("filler")

    init() async throws {
        folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path, maximumPages: 80).storage(of: .public)
        world = try await World(storage: storage)
        current = try await world.create()
        unused = try await world.refreshed(current.refreshToken)
        stale = try await world.create(user: "victim")
        let second = try await world.refreshed(stale.refreshToken)
        let third = try await world.refreshed(second.refreshToken)
        _ = try await world.replacement(of: third.accessToken.exposed)
        fresh = try await world.create(user: "fresh")
        try await fill()
    }

    private func fill() async throws {
        let sample = try #require(try await world.storage.session(fresh.session.handle))
        var number = 0
        await #expect(throws: StorageError(.full, "")) {
            while number < 1_000 {
                let record = SessionRecord(
                    handle: SessionHandle("filler-\(number)"), tenantID: .public, userID: Self.filler,
                    currentTokenHash: sample.currentTokenHash, sessionData: sample.sessionData,
                    accessTokenPayload: JSONObjectText(stored: "{\"k\":\"\(String(repeating: "x", count: 3_000))\"}"),
                    createdAt: sample.createdAt, expiresAt: sample.expiresAt, signingKeyKind: .dynamic)
                try await world.storage.insert(record)
                number += 1
            }
        }
        let event = AuditEvent(name: .reuseDetected, time: sample.createdAt, handle: SessionHandle("filler-0"))
        for _ in 0..<100 {
            try await world.storage.update(SessionHandle("filler-0")) { _ in Decision(.keep, (), audit: event) }
        }
    }

    func makeRoom() async throws { _ = try await world.service.revokeAll(of: Self.filler) }

    func record(_ tokens: IssuedTokens) async throws -> SessionRecord? {
        try await world.storage.session(tokens.session.handle)
    }
}

@Suite("Sessions while the disk is full (I8)")
struct FullDiskTests {
    private static let full = ServiceError.storage(StorageError(.full, ""))

    @Test("A superseded token is noticed and ends its session (finding R5)", arguments: [false, true])
    func theft(atOnce: Bool) async throws {
        let full = try await FullWorld()
        #expect(try await full.world.refresh(full.stale.refreshToken, atOnce: atOnce).isReuse)
        #expect(try await full.record(full.stale) == nil)
        let auditLog = try await full.world.service.auditEvents(AuditQuery(handle: full.stale.session.handle))
        #expect(auditLog.first?.event.name == .reuseDetected)
    }

    @Test("Revocations work, of one session and of all of a user's (finding R5)")
    func revocation() async throws {
        let full = try await FullWorld()
        let handle = full.fresh.session.handle
        #expect(try await full.world.service.revoke([handle]) == [handle])
        #expect(try await full.world.service.revokeAll(of: UserID("victim")).count == 1)
        #expect(try await full.world.verdict(full.fresh.accessToken.exposed, database: true) == .sessionNotActive)
    }

    @Test(
        "A refresh gives nothing that storage could not note, and the token stays good (finding R5)",
        arguments: [false, true])
    func refresh(atOnce: Bool) async throws {
        let full = try await FullWorld()
        for tokens in [full.fresh, full.unused] {
            let before = try await full.record(tokens)
            await #expect(throws: Self.full) { try await full.world.refresh(tokens.refreshToken, atOnce: atOnce) }
            #expect(try await full.record(tokens) == before)
        }
        try await full.makeRoom()
        for tokens in [full.fresh, full.unused] {
            #expect(try await full.world.refresh(tokens.refreshToken, atOnce: atOnce).tokens != nil)
        }
    }

    @Test("Nobody signs in")
    func signIn() async throws {
        let full = try await FullWorld()
        await #expect(throws: Self.full) { try await full.world.create(user: "late") }
        #expect(try await full.world.service.handles(of: UserID("late")) == [])
        try await full.makeRoom()
        _ = try await full.world.create(user: "late")
    }

    @Test(
        "Verification continues; a first use is noted as soon as there is room (finding R5)", arguments: [false, true])
    func verification(database: Bool) async throws {
        let full = try await FullWorld()
        #expect(try await full.world.verdict(full.fresh.accessToken.exposed, database: database) == .valid)
        let before = try await full.record(full.unused)
        for _ in 0..<2 {
            #expect(try await full.world.verdict(full.unused.accessToken.exposed, database: database) == .valid)
        }
        #expect(try await full.record(full.unused) == before)
        try await full.makeRoom()
        #expect(try await full.world.verdict(full.unused.accessToken.exposed, database: database) == .renewed)
        full.world.clock.advance(by: .seconds(121))
        #expect(try await full.world.refresh(full.current.refreshToken).isReuse)
    }

    @Test("A first use that is not noted does not outlive its session (finding R5)")
    func revokedMeanwhile() async throws {
        let full = try await FullWorld()
        #expect(try await full.world.verdict(full.unused.accessToken.exposed) == .valid)
        _ = try await full.world.service.revoke([full.unused.session.handle])
        #expect(try await full.world.verdict(full.unused.accessToken.exposed) == .sessionNotActive)
    }
}
