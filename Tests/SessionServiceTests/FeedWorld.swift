import Foundations
import RevocationFeed
import SessionEngine
import SessionStorage
import Synchronization
import TestSupport

@testable import SessionService

/// Lets a feed read when a test says so: time passes only then.
actor Ticker {
    private var paused: CheckedContinuation<Void, Never>?
    private var arrival: CheckedContinuation<Void, Never>?

    nonisolated let time = Mutex(MonotonicTime(nanoseconds: 1_000_000_000_000))
    nonisolated var steady: MonotonicTime { time.withLock(\.self) }

    /// The feed has read, and waits for the next time.
    func pause() async {
        await withCheckedContinuation { continuation in
            paused = continuation
            arrival?.resume()
            arrival = nil
        }
    }

    /// Waits until the feed has read.
    func settle() async {
        guard paused == nil else { return }
        await withCheckedContinuation { arrival = $0 }
    }

    /// Lets time pass and the feed read once more, and waits for the end of that.
    func tick(_ duration: Duration = .milliseconds(250)) async {
        await settle()
        let continuation = paused
        paused = nil
        time.withLock { $0 = $0 + duration }
        continuation?.resume()
        await settle()
    }

    /// Lets time pass after which the feed reads no more.
    func last(_ duration: Duration) async {
        await settle()
        let continuation = paused
        paused = nil
        time.withLock { $0 = $0 + duration }
        continuation?.resume()
    }
}

/// Rows that become visible when a test says so, in whatever order.
final class ScriptedLog: RevocationLog {
    struct State {
        var history = "one"
        /// After how many more readings it is another history.
        var readsToPromotion: Int?
        var rows: [RevocationRecord] = []
        var error: StorageError?
        var reads = 0
        var readRows = 0
        /// The clock of the storage.
        var clock: @Sendable () -> Timestamp = { FeedWorld.start }
    }

    let state = Mutex(State())

    func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        try state.withLock { (state) throws(StorageError) in
            if let error = state.error { throw error }
            if let left = state.readsToPromotion {
                if left == 0 { state.history = "two" }
                state.readsToPromotion = left > 0 ? left - 1 : nil
            }
            let rows = state.rows.filter { $0.sequence > sequence }.sorted { $0.sequence < $1.sequence }.prefix(limit)
            state.reads += 1
            state.readRows += rows.count
            return RevocationPage(
                history: state.history, time: state.clock(), records: Array(rows), last: rows.last?.sequence,
                isLast: rows.count < limit)
        }
    }

    func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int { 0 }

    /// Makes a session's end visible.
    func show(_ number: Int64, at time: Timestamp = FeedWorld.start) {
        show(number, .session(SessionHandle("\(number)")), at: time)
    }

    func show(_ number: Int64, _ subject: RevocationRecord.Subject, at time: Timestamp = FeedWorld.start) {
        state.withLock { $0.rows.append(RevocationRecord(number, subject, at: time, notedAt: time)) }
    }
}

/// What an entry is about, without its times.
enum Subject: Hashable {
    case session(RevocationDigest)
    case user(RevocationDigest, tenant: RevocationDigest?)
    case key(String)
}

extension FeedEntry {
    var subject: Subject {
        switch self {
        case .session(let digest, _, _): .session(digest)
        case .user(let digest, let tenant, _, _): .user(digest, tenant: tenant)
        case .key(let key, _): .key(key)
        }
    }
}

/// A feed, its storage and the time of both.
struct FeedWorld {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)
    static let life = Milliseconds.seconds(3_600)

    let log: ScriptedLog
    let ticker = Ticker()
    let clock = TestClock(start)
    let source: FeedSource

    init(_ log: ScriptedLog = ScriptedLog(), seed: UInt64 = 1) {
        self.log = log
        let begun = ticker.steady
        log.state.withLock { [ticker] in
            $0.clock = { FeedWorld.start + Milliseconds((ticker.steady - begun).inMilliseconds) }
        }
        let (ticker, clock, dice) = (ticker, clock, TestDice(seed: seed))
        source = FeedSource(
            log, clock: ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() }),
            steady: { ticker.steady }, pause: { _ in await ticker.pause() }, life: { FeedWorld.life })
    }

    /// Asks until there is no more.
    func read(after cursor: String? = nil) async throws -> (subjects: [Subject], page: FeedPage) {
        var page = try await source.page(after: cursor, wait: .zero)
        var subjects = page.entries.map(\.subject)
        while page.hasMore {
            page = try await source.page(after: page.next, wait: .zero)
            subjects += page.entries.map(\.subject)
        }
        return (subjects, page)
    }

    static func subjects(_ numbers: some Sequence<Int64>) -> [Subject] {
        numbers.map { .session(RevocationDigest(of: "\($0)")) }
    }
}
