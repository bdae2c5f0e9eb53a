import Foundations
import InMemoryStorage
import Logging
import SessionEngine
import SessionService
import SessionStorage
import Synchronization
import Tessera
import TesseraTesting
import Testing

@Suite("Sessions as a service of the application")
struct UpkeepTests {
    private static let policy = SessionPolicy(
        accessTokenValidity: .hours(1), refreshTokenValidity: .days(2), signingKeyUpdateInterval: .days(7),
        signingAlgorithm: .es256, auditRetention: AuditRetention(age: .days(5)))

    private static func open(
        _ storage: any SessionStorage, _ clock: VirtualClock, _ lines: LoggedLines = LoggedLines()
    ) async throws -> Sessions {
        try await Sessions(
            app: AppInfo(name: "Test", apiDomain: "https://api.example.com"), storedIn: .storage(storage),
            policy: policy, clock: clock.source, logger: Logger(label: "test") { _ in lines })
    }

    @Test(
        "finding S3: after 30 days with 1,000 users only what is alive is kept, and the run ends with the application")
    func month() async throws {
        let (storage, clock) = (InMemorySessionStorage(), VirtualClock())
        let sessions = try await Self.open(storage, clock)
        let running = Task { try await sessions.run() }
        var keys: Set<Int> = []
        for day in 0..<30 {
            for user in 0..<1_000 where user % 3 == day % 3 {
                _ = try await sessions.create(userID: UserID("u\(user)"))
            }
            for _ in 0..<24 {
                // Four kinds of removal, and the keys.
                await clock.sleepers(5)
                clock.advance(by: .hours(1))
            }
            await clock.sleepers(5)
            if day > 10 { keys.insert(try await storage.updateSigningKeys { _ in .none }.count) }
        }
        let now = clock.time
        let alive = try await storage.remove(.expired(at: .init(milliseconds: .max), limit: .max)).count
        let created = try await storage.auditEvents(AuditQuery(limit: 100)).map(\.event.time)
        // The sessions of the last day are alive; of those that ended at most those of half a day are not removed yet.
        #expect(alive >= 333 && alive <= 3 * 334)
        #expect(created.allSatisfy { now - $0 < .days(6) } && !created.isEmpty)
        #expect(keys.allSatisfy { $0 <= 4 })
        running.cancel()
        try await running.value
    }

    @Test(
        "finding S3: a process that never runs its sessions is told so once, and one that does is not",
        arguments: [false, true])
    func warning(isRun: Bool) async throws {
        let (clock, lines) = (VirtualClock(), LoggedLines())
        let sessions = try await Self.open(InMemorySessionStorage(), clock, lines)
        let running = isRun ? Task { try await sessions.run() } : nil
        if isRun { await clock.sleepers(5) }
        for _ in 0..<3 {
            _ = try await sessions.create(userID: "u")
            clock.advance(by: .minutes(2))
        }
        #expect(lines.all.filter { $0.contains("services: [sessions]") }.count == (isRun ? 0 : 1))
        running?.cancel()
        try await running?.value
    }

    @Test("finding S3: a backend that leaves the upkeep to others only waits for the end")
    func elsewhere() async throws {
        struct Elsewhere: SessionBackend {
            let base: InProcessBackend
            func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens {
                try await base.create(session)
            }
            func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession {
                #expect(!token.checksRevocation && !token.checksDatabase)
                return try await base.verify(token)
            }
            func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens {
                try await base.refresh(token)
            }
            func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken? {
                try await base.regenerate(accessToken: accessToken, payload: payload)
            }
            func revoke(_ handles: [SessionHandle], by actor: AuditActor) async throws(SessionError) -> [SessionHandle]
            {
                try await base.revoke(handles, by: actor)
            }
            func revokeAll(
                of user: UserID, tenant: TenantID?, by actor: AuditActor
            ) async throws(SessionError) -> [SessionHandle] {
                try await base.revokeAll(of: user, tenant: tenant, by: actor)
            }
            func handles(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
                try await base.handles(of: user, tenant: tenant)
            }
            func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation? {
                try await base.information(on: handle)
            }
            func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool {
                try await base.replaceData(of: handle, with: data)
            }
            func replacePayload(of handle: SessionHandle, with payload: JSONObject) async throws(SessionError) -> Bool {
                try await base.replacePayload(of: handle, with: payload)
            }
            func signToken(
                payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
            ) async throws(SessionError) -> String {
                try await base.signToken(payload: payload, issuer: issuer, validity: validity, kind: kind)
            }
            func publishedKeys() async throws(SessionError) -> PublishedKeys { try await base.publishedKeys() }
        }
        let test = try await TestSessions()
        let sessions = try Sessions(
            app: test.sessions.app, backend: Elsewhere(base: test.backend), clock: test.clock.source)
        let running = Task { try await sessions.run() }
        let session = try await sessions.create(userID: "u")
        #expect(try await sessions.session(accessToken: session.accessToken) != nil)
        running.cancel()
        try await running.value
    }
}

/// What was logged.
struct LoggedLines: LogHandler {
    private final class Lines: Sendable { let all = Mutex<[String]>([]) }
    private let lines = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    var all: [String] { lines.all.withLock(\.self) }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.all.withLock { $0.append("\(event.level) \(event.message)") }
    }
}
