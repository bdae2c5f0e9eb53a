import Foundations
import InMemoryStorage
import Logging
import SessionEngine
import SessionService
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import CoreServer

/// A log that is read by a test.
private final class SeenLog: Sendable {
    private let seen = Mutex<[String]>([])
    private let level: Logger.Level

    init(_ level: Logger.Level = .info) { self.level = level }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = level
        return logger
    }

    /// The lines since the last call, as `level message name=value ...`.
    func lines() -> [String] {
        seen.withLock { seen in
            defer { seen = [] }
            return seen
        }
    }

    private struct Handler: LogHandler {
        let log: SeenLog
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            log.seen.withLock { $0.append("\(event.level) \(event.message)\(details)") }
        }
    }
}

@Suite("finding O5: the lines that an operator needs")
struct OperatorEventTests {
    private let log = SeenLog()

    @Test("storage that goes and comes back is told once each, with how long it was away")
    func storageAway() async throws {
        let (clock, storage) = (TestClock(), SwitchableStorage())
        let isUp = Mutex(true)
        var sources = ClockAndRandomness.system
        sources.time = { clock.now }
        let service = try await SessionManager(storage: storage.storage, clock: sources)
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: log.logger) { isUp.withLock(\.self) }
        let question = CoreRequest(
            method: "GET", path: "/recipe/session/user", query: "userId=u", version: "5.4")
        storage.fail(with: StorageError(.unavailable, "the plug was pulled"))
        isUp.withLock { $0 = false }
        for _ in 0..<50 {
            #expect(await api.respond(to: question).status == 503)
            await api.watch(problem: nil)
        }
        _ = await api.readiness.current()
        let away = log.lines().filter { $0.contains("storage is away") }
        #expect(
            away == ["error storage is away: requests that need it get 503 until it is back reason=the plug was pulled"]
        )
        clock.advance(by: .seconds(42))
        storage.fail(with: nil)
        isUp.withLock { $0 = true }
        for _ in 0..<5 {
            await api.watch(problem: nil)
            #expect(await api.respond(to: question).status == 200)
        }
        #expect(log.lines() == ["notice storage is back awaySeconds=42"])
    }

    @Test("a problem that is known without asking is told without any request")
    func knownProblem() async throws {
        let service = try await SessionManager(storage: InMemorySessionStorage())
        let isUp = Mutex(false)
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: log.logger) { isUp.withLock(\.self) }
        await api.watch(problem: nil)
        #expect(log.lines() == [])
        for _ in 0..<3 { await api.watch(problem: "connection refused") }
        #expect(
            log.lines() == [
                "error storage is away: requests that need it get 503 until it is back reason=connection refused"
            ])
    }

    @Test("another failure of storage is told at once, further ones of its kind together")
    func failures() {
        let now = Mutex(MonotonicTime(nanoseconds: 0))
        let events = OperatorEvents(log.logger) { now.withLock(\.self) }
        for _ in 0..<9 { events.storageFailed(StorageError(.full, "no room")) }
        events.storageFailed(StorageError(.corrupt, "a row"))
        now.withLock { $0 = MonotonicTime(nanoseconds: 60_000_000_000) }
        events.sayWhatIsDue()
        #expect(
            log.lines().filter { !$0.hasPrefix("debug") } == [
                "error storage failed count=1 error=storage error: full: no room",
                "error storage failed count=1 error=storage error: corrupt: a row",
                "error storage failed again in the last minute count=8 kind=storage error: full",
            ])
    }

    @Test("reuse and the end of many sessions, by handle and app, and no token")
    func reuse() async throws {
        let clock = TestClock()
        var sources = ClockAndRandomness.system
        sources.time = { clock.now }
        var policy = SessionPolicy()
        policy.signingAlgorithm = .es256
        let service = try await SessionManager(storage: InMemorySessionStorage(), policy: policy, clock: sources)
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: log.logger)
        func refresh(_ token: RefreshToken) async throws -> CoreReply {
            let body = "{\"refreshToken\":\"\(token.exposed)\",\"enableAntiCsrf\":false,\"useDynamicSigningKey\":true}"
            return await api.respond(
                to: CoreRequest(
                    method: "POST", path: "/recipe/session/refresh", version: "5.4", body: Array(body.utf8)))
        }
        guard case .created(let issued) = try await service.createSession(NewSession(userID: UserID("u"))) else {
            Issue.record("no session")
            return
        }
        var token = issued.refreshToken
        for _ in 0..<3 {
            guard case .refreshed(let next) = try await service.refresh(PresentedRefreshToken(refreshToken: token))
            else { break }
            token = next.refreshToken
            clock.advance(by: .seconds(3_600))
        }
        _ = try await refresh(issued.refreshToken)
        let lines = log.lines()
        #expect(lines.count == 1)
        #expect(
            lines.first?.hasPrefix(
                "warning refresh token reuse was detected: there is a copy of the token app=public class=") == true)
        #expect(lines.first?.hasSuffix("ended=true session=\(issued.session.handle.rawValue)") == true)
        #expect(
            lines.allSatisfy {
                !$0.contains(token.exposed.prefix(20)) && !$0.contains(issued.refreshToken.exposed.prefix(20))
            })
    }

    @Test("the end of sessions is told where they are more than 100", arguments: [100, 101])
    func revocations(count: Int) {
        OperatorEvents(log.logger).revoked(count, AppID("a"), TenantID("t"), isOfUser: true)
        #expect(
            log.lines() == (count > 100 ? ["info many sessions were revoked app=a by=user count=101 tenant=t"] : []))
    }

    @Test("a key is told when it is made, when it first signs and when it is retired")
    func keys() async throws {
        let storage = InMemorySessionStorage()
        var policy = SessionPolicy()
        policy.signingAlgorithm = .es256
        let observed = ObservedKeyStore(storage, of: .public, log.logger)
        let service = try await SessionManager(storage: storage, keyStore: observed, policy: policy)
        try await service.prepareSigningKeys()
        var lines = log.lines()
        #expect(
            lines.count == 2
                && lines.allSatisfy { $0.hasPrefix("info a signing key was made alg=ES256 app=public key=") })
        _ = try await service.createSession(NewSession(userID: UserID("u")))
        _ = try await service.createSession(NewSession(userID: UserID("u")))
        lines = log.lines()
        #expect(
            lines.count == 1
                && lines.allSatisfy { $0.hasPrefix("info a signing key signs from now on app=public key=d-") })
        let ids = try await observed.signingKeys().map(\.id.rawValue).sorted()
        for id in ids {
            // Another process retires it; this one learns of it.
            _ = try await storage.updateSigningKeys { stored in
                SigningKeyChange(removing: stored.map(\.id).filter { $0.rawValue == id })
            }
            for _ in 0..<3 { _ = try await observed.signingKeys() }
            #expect(log.lines() == ["info a signing key was retired app=public key=\(id)"])
        }
    }
}
