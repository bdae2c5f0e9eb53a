import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionImport
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Old sessions continue")
struct MigrationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let generation: OldCore.Generation
        let style: DumpStyle
        var testDescription: String { "\(generation.rawValue) as \(style)" }

        static let all = OldCore.Generation.allCases.flatMap { generation in
            DumpStyle.allCases.map { Case(generation: generation, style: $0) }
        }
    }

    private static func payload() throws -> JSONObject {
        let text = #"{"deep":{"list":[1,2.50,null,1e+30]},"text":"\\ ' \t \n é 漢 \\n","empty":""}"#
        guard let object = try JSONValue(parsing: text).object else { throw TestSupportError("no object") }
        return object
    }

    /// A core with one session in each state.
    private static func core(_ generation: OldCore.Generation) throws -> OldCore {
        var core = try OldCore(generation)
        try core.signIn("fresh")
        let waiting = try core.signIn("has a child", payload: Self.payload())
        try core.refresh(waiting)
        let moved = try core.signIn("has moved on", data: ["a": "b\nc"])
        try core.refresh(moved)
        try core.promote(moved)
        try core.signIn("anti-CSRF", antiCSRF: true)
        if generation.hasApps { try core.signIn("static", kind: .static) }
        return core
    }

    @Test("Access tokens verify and refresh tokens are exchanged and continue", arguments: Case.all)
    func goesOn(_ test: Case) async throws {
        let core = try Self.core(test.generation)
        let storage = InMemorySessionStorage()
        let report = try await ImportWorld.run(core.dump(test.style)) { _ in storage }
        #expect(report.imported == core.sessions.count)
        #expect(report.refused.count == 0)
        for session in core.sessions { try await follow(session, of: core, storage) }
    }

    /// The life of a session after the move.
    private func follow(
        _ session: OldSession, of core: OldCore, _ storage: any SessionStorage
    ) async throws {
        let clock = TestClock()
        let service = try await ImportWorld.service(storage, clock: clock)
        let record = try #require(try await storage.session(session.handle))
        #expect(record.sessionData == JSONObjectText(session.data))
        #expect(record.accessTokenPayload == JSONObjectText(session.payload))
        #expect(record.signingKeyKind == session.kind)
        let verified = try await service.isValid(session.current.accessToken.exposed)
        #expect(verified.valid, "\(session.user)")
        if let child = session.child {
            let promoted = try await service.isValid(child.accessToken.exposed)
            #expect(promoted.valid && promoted.replacement != nil)
        }
        let live = session.child ?? session.current
        let tokens = try #require(try await service.refreshed(live, format: session.format), "\(session.user)")
        try await continues(tokens, session, core, service)
        clock.advance(by: .seconds(121))
        #expect(try await service.refresh(session.past ?? live).isReuse, "\(session.user)")
        #expect(try await service.session(session.handle) == nil, "\(session.user): reuse ends the session")
    }

    private func continues(
        _ tokens: IssuedTokens, _ session: OldSession, _ core: OldCore, _ service: SessionManager
    ) async throws {
        #expect(tokens.session.handle == session.handle)
        #expect(tokens.session.userID.rawValue == session.user)
        let verified = try await service.isValid(tokens.accessToken.exposed)
        #expect(verified.valid && verified.replacement != nil)
        guard session.format == .v5 else { return }
        let header = try #require(tokens.accessToken.exposed.split(separator: ".").first)
        let keyID = try JSONValue(parsing: WireText.decode(header)).object?["kid"]?.string
        let app = try #require(core.apps.first)
        #expect(keyID == (session.kind == .static ? app.staticKey : app.dynamicKey)?.id.rawValue, "an old key signs on")
    }

    @Test("A key that only verifies any more still does", arguments: DumpStyle.allCases)
    func olderKey(_ style: DumpStyle) async throws {
        var core = try OldCore(.core1113)
        let app = core.apps[0]
        let older = try #require(app.olderKey)
        core.apps[0] = OldCore.App(
            id: app.id, masterKey: app.masterKey, dynamicKey: older, olderKey: app.dynamicKey, staticKey: app.staticKey)
        try core.signIn("slow")
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(core.dump(style)) { _ in storage }
        let clock = TestClock()
        let service = try await ImportWorld.service(storage, clock: clock)
        let token = core.sessions[0].current.accessToken.exposed
        #expect(try await service.isValid(token).valid)
        // It retires two hours after its week, and it was made a week and an hour ago.
        clock.advance(by: .seconds(3_599))
        #expect(try await service.isValid(token).valid)
    }

    @Test("Apps stay apart, and tenants stay what they are")
    func apps() async throws {
        var core = try OldCore(.core1113)
        try core.addApp("a1", tenants: ["t1"])
        try core.signIn("u")
        try core.signIn("u", app: 1)
        try core.signIn("u", app: 1, tenant: "t1")
        let storages = AppStorages()
        let dump = try core.dump()
        let plan = try ImportWorld.plan(dump)
        #expect(plan.apps.map(\.id.rawValue) == ["public", "a1"])
        #expect(plan.apps[1].tenants.map(\.id.rawValue) == ["public", "t1"])
        #expect(plan.apps[1].tenants[1].createdAt == core.now)
        #expect(plan.apps[1].tenants[1].configuration == "{\"access_token_validity\":7200}")
        #expect(plan.apps.map(\.sessions) == [1, 2])
        try await ImportWorld.run(dump) { storages.storage(of: $0) }
        let first = try await ImportWorld.service(storages.storage(of: .public))
        let second = try await ImportWorld.service(storages.storage(of: AppID("a1")))
        let pairs = core.sessions.map(\.current)
        #expect(try await first.isValid(pairs[0].accessToken.exposed).valid)
        #expect(try await second.isValid(pairs[1].accessToken.exposed).valid)
        #expect(try await !first.isValid(pairs[1].accessToken.exposed).valid)
        #expect(try await !second.isValid(pairs[0].accessToken.exposed).valid)
        #expect(try await first.refreshed(pairs[1]) == nil)
        let tokens = try #require(try await second.refreshed(pairs[2]))
        #expect(tokens.session.tenantID.rawValue == "t1")
    }

    @Test("Into SQLite too", arguments: OldCore.Generation.allCases)
    func sqlite(_ generation: OldCore.Generation) async throws {
        let core = try Self.core(generation)
        let folder = try TemporaryFolder()
        let dump = try core.dump()
        do {
            let database = try SQLiteDatabase(folder: folder.path)
            try await ImportWorld.run(dump) { database.storage(of: $0) }
        }
        let database = try SQLiteDatabase(folder: folder.path)
        let storage = database.storage(of: .public)
        for session in core.sessions { try await follow(session, of: core, storage) }
    }
}
