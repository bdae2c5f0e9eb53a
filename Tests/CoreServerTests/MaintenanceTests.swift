import CoreServer
import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import Synchronization
import TestSupport
import Testing

/// What no one can use any more goes away by itself (docs/specification/core.md 9).
struct MaintenanceTests {
    /// Lets time pass at once, and ends after so many waits of whole intervals.
    private final class Waiting: Sendable {
        private struct Ended: Error {}
        private let state: Mutex<(left: Int, spans: [Duration])>

        init(intervals: Int) { state = Mutex((intervals, [])) }

        var spans: [Duration] { state.withLock { $0.spans } }

        func wait(_ span: Duration) throws {
            try state.withLock { state in
                state.spans.append(span)
                guard span > .seconds(3_600) else { return }
                if state.left == 0 { throw Ended() }
                state.left -= 1
            }
        }
    }

    private let clock = TestClock()
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func service(_ storage: any SessionStorage) async throws -> SessionManager {
        let dice = TestDice(seed: 1)
        let policy = SessionPolicy(
            accessTokenValidity: .seconds(60), refreshTokenValidity: .seconds(3_600),
            signingKeyUpdateInterval: .seconds(3_600), signingAlgorithm: .es256)
        return try await SessionManager(
            storage: storage, policy: policy,
            clock: ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() }))
    }

    private func run(
        _ services: [SessionManager], intervals: Int = 2, batch: Int = 3, accepting: Bool = false,
        lines: LoggedLines? = nil
    ) async throws -> [Duration] {
        let waiting = Waiting(intervals: intervals)
        var schedule = Maintenance.Schedule()
        schedule.batch = batch
        schedule.auditTrimInterval = .seconds(6 * 3_600)
        let maintenance = Maintenance(
            services: { services }, schedule: schedule,
            clock: ClockAndRandomness(time: { clock.now }, randomBits: { 500 }),
            wait: { try waiting.wait($0) }, isClockAccepted: accepting,
            logger: lines.map { lines in Logger(label: "test") { _ in lines } } ?? quiet)
        try await maintenance.run()
        return waiting.spans
    }

    private func create(_ count: Int, _ service: SessionManager) async throws {
        for number in 0..<count {
            _ = try await service.createSession(.init(userID: UserID("u\(number)")))
        }
    }

    @Test("ended sessions are removed in batches, living ones stay", arguments: [0, 1, 3, 7])
    func sessions(count: Int) async throws {
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        try await create(count, service)
        clock.advance(by: .seconds(3_600))
        try await create(2, service)
        _ = try await run([service])
        #expect(try await storage.remove(.expired(at: clock.now, limit: 100)).isEmpty)
        clock.advance(by: .seconds(3_600))
        #expect(try await storage.remove(.expired(at: clock.now, limit: 100)).count == 2)
    }

    @Test("keys whose last token has expired are removed, and no others")
    func keys() async throws {
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        try await service.prepareSigningKeys()
        let ids = { try await storage.updateSigningKeys { _ in .none }.map(\.id) }
        let before = try await ids()
        _ = try await run([service])
        #expect(try await ids().count == before.count)
        clock.advance(by: .seconds(3_600 + 2 * 60 + 1))
        _ = try await run([service])
        #expect(try await ids().count == before.count, "the newest that has retired stays until the next one retires")
        try await service.prepareSigningKeys()
        clock.advance(by: .seconds(3_600 + 2 * 60 + 1))
        _ = try await run([service])
        let after = try await ids()
        #expect(after.count == 2 && after.allSatisfy { !before.contains($0) || $0.rawValue.hasPrefix("s-") })
    }

    @Test("entries of the audit log go when they are too old, but for the newest")
    func auditLog() async throws {
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        try await create(7, service)
        clock.advance(by: .seconds(91 * 86_400))
        _ = try await run([service])
        // The removal of the ended sessions and of a key left entries of their own.
        let times = try await storage.auditEvents(AuditQuery()).map(\.event.time)
        #expect(!times.isEmpty && times.allSatisfy { $0 == clock.now })
    }

    @Test("the first run comes soon, the next after their intervals")
    func times() async throws {
        let spans = try await run([], intervals: 6)
        #expect(spans.prefix(1) == [.seconds(360)])
        let known: Set<Duration> = [
            .seconds(360), .seconds(6 * 3_600), .seconds(12 * 3_600), .seconds(24 * 3_600),
        ]
        #expect(known.isSuperset(of: spans))
    }

    @Test("an app that fails does not keep the others from their turn")
    func failure() async throws {
        let broken = SwitchableStorage()
        let failing = try await service(broken.storage)
        broken.fail(with: StorageError(.unavailable, "test"))
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        try await create(2, service)
        clock.advance(by: .seconds(3_600))
        _ = try await run([failing, service])
        #expect(try await storage.remove(.expired(at: clock.now, limit: 100)).isEmpty)
    }

    /// What an operator reads.
    private struct LoggedLines: LogHandler {
        private final class Lines: Sendable { let all = Mutex<[String]>([]) }
        private let lines = Lines()
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning
        var all: [String] { lines.all.withLock { $0 } }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.all.withLock { $0.append("\(event.message)") } }
    }

    @Test(
        "finding K4: a clock that was wrong for a start has deleted nothing when it is right again",
        arguments: [20, -20] as [Int64])
    func wrongClock(years: Int64) async throws {
        let storage = InMemorySessionStorage()
        try await create(7, try await service(storage))
        let service = try await service(storage)
        try await service.prepareSigningKeys()
        _ = try await run([service])
        let right = clock.now
        let (keys, entries) = (try await storage.signingKeys(), try await storage.auditEvents(AuditQuery()))
        clock.set(right + .seconds(years * 365 * 86_400))
        let lines = LoggedLines()
        _ = try await run([try await self.service(storage)], intervals: 6, lines: lines)
        _ = try await run([try await self.service(storage)], intervals: 6)
        #expect(lines.all.count == 1 && lines.all.allSatisfy { $0.contains("--accept-clock") })
        clock.set(right)
        #expect(try await storage.remove(.expired(at: clock.now, limit: 100)).isEmpty)
        #expect(try await service.handles(of: UserID("u3")).count == 1)
        #expect(
            try await storage.signingKeys().map(\.id).sorted { $0.rawValue < $1.rawValue }
                == keys.map(\.id).sorted { $0.rawValue < $1.rawValue })
        #expect(try await storage.auditEvents(AuditQuery()) == entries)
    }

    @Test("finding K4: a clock that an operator accepts goes on as ever")
    func acceptedClock() async throws {
        let storage = InMemorySessionStorage()
        let service = try await service(storage)
        try await create(3, service)
        _ = try await run([service])
        clock.advance(by: .seconds(400 * 86_400))
        _ = try await run([service], accepting: true)
        #expect(try await storage.remove(.expired(at: clock.now, limit: 100)).isEmpty, "they are removed")
        #expect(try await service.handles(of: UserID("u1")).isEmpty)
        let lines = LoggedLines()
        _ = try await run([service], lines: lines)
        #expect(lines.all.isEmpty)
    }
}
