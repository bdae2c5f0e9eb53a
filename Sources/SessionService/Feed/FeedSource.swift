import Foundations
import RevocationFeed
import SessionEngine
import SessionStorage

/// Follows an app's ends in storage while they are asked for, and answers from memory (docs/decisions/0046).
///
/// Numbers of storage may become visible out of their order, so each reading looks again at the last 2 s, every eighth at the
/// last 30 s, and every ten minutes at all that is there.
actor FeedSource {
    private let storage: any RevocationLog
    private let clock: ClockAndRandomness
    private let steady: @Sendable () -> MonotonicTime
    private let pause: @Sendable (Duration) async -> Void
    private let life: @Sendable () async -> Milliseconds

    private var list = FeedList()
    private var history = ""
    private var core: UInt64
    /// When the newest reading that was complete began; `nil` before the first.
    private var readAt: MonotonicTime?
    private var marks = FeedMarks()
    private var askedAt = MonotonicTime(nanoseconds: .min)
    private var isRunning = false
    private var isStopped = false
    /// Where the reading of all continues, one page with each reading.
    private var sweep: Int64?
    private var sweptAt = MonotonicTime(nanoseconds: .min)
    private var loading: [CheckedContinuation<StorageError?, Never>] = []
    private var waiting: [Waiter] = []

    private struct Waiter {
        let place: Int64
        let core: UInt64
        let deadline: MonotonicTime
        let continuation: CheckedContinuation<Void, Never>
    }

    /// Between two readings.
    static let interval = Duration.milliseconds(250)
    /// For how long it is read after the last question.
    static let idleTime = Duration.seconds(60)
    /// The longest wait for news.
    static let longestWait = Duration.seconds(30)
    /// How many wait for news at most; the next are answered at once.
    static let mostWaiting = 256
    /// Between two readings of all.
    static let fullInterval = Duration.seconds(600)
    /// The most entries of an answer, and rows of a statement.
    static let pageSize = FeedPage.longest

    /// Creates a source, which reads nothing before it is asked.
    ///
    /// - Parameters:
    ///   - storage: where ends are noted.
    ///   - clock: the source of randomness; what time it is counts for nothing here.
    ///   - steady: a clock that never jumps.
    ///   - pause: lets time pass.
    ///   - life: the longest life of an access token that may still be in use.
    init(
        _ storage: any RevocationLog, clock: ClockAndRandomness,
        steady: @escaping @Sendable () -> MonotonicTime = { .present },
        pause: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) },
        life: @escaping @Sendable () async -> Milliseconds
    ) {
        (self.storage, self.clock, self.steady, self.pause, self.life) = (storage, clock, steady, pause, life)
        core = clock.randomBits()
    }

    /// The news since a cursor; waits for some where there are none.
    ///
    /// - Parameters:
    ///   - cursor: of the answer before; without one, and with one that means nothing here, the answer begins again.
    ///   - wait: for how long, at most 30 s.
    /// - Throws: `StorageError` while nothing has been read yet.
    func page(after cursor: String?, wait: Duration) async throws(StorageError) -> FeedPage {
        askedAt = steady()
        start()
        try await loaded()
        let start = place(of: cursor.flatMap { FeedCursor($0) })
        guard let place = start, place >= list.end, wait > .zero, waiting.count < Self.mostWaiting, !isStopped else {
            return page(from: start)
        }
        let (deadline, core) = (steady() + min(wait, Self.longestWait), core)
        await withCheckedContinuation { continuation in
            waiting.append(Waiter(place: place, core: core, deadline: deadline, continuation: continuation))
        }
        try await loaded()
        // All was forgotten or replaced meanwhile: the cursor means nothing any more.
        return page(from: core == self.core ? place : nil)
    }

    /// Waits for the first complete reading.
    private func loaded() async throws(StorageError) {
        guard readAt == nil else { return }
        askedAt = steady()
        start()
        if let error = await withCheckedContinuation({ loading.append($0) }) { throw error }
    }

    /// Answers all who wait, and lets none wait any more.
    func stop() {
        isStopped = true
        wake()
    }

    /// What metrics show; read without waiting.
    nonisolated let figures = FeedFigures()

    /// How many wait for news.
    var waitingCount: Int { waiting.count }

    /// Whether storage is read.
    var isReading: Bool { isRunning }

    private func start() {
        guard !isRunning else { return }
        isRunning = true
        // It goes beyond the request that begins it: nothing of that one's trace is taken along.
        Task.detached { await self.run() }
    }

    private func run() async {
        var round = 0
        while steady() - askedAt < Self.idleTime, !isStopped {
            do throws(StorageError) { try await read(round) } catch { answerLoading(error) }
            wake()
            round &+= 1
            await pause(Self.interval)
        }
        forget()
        wake()
        answerLoading(StorageError(.unavailable, "the core stops"))
        isRunning = false
    }

    private func forget() {
        (list, marks, readAt, sweep) = (FeedList(), FeedMarks(), nil, nil)
        core = clock.randomBits()
        figures.note(entries: 0, readAt: nil)
    }

    private func answerLoading(_ error: StorageError?) {
        let asking = loading
        loading = []
        for continuation in asking { continuation.resume(returning: error) }
    }

    private func wake() {
        let now = steady()
        waiting.removeAll { waiter in
            let isDone = isStopped || waiter.core != core || list.end > waiter.place || waiter.deadline <= now
            if isDone { waiter.continuation.resume() }
            return isDone
        }
    }

    // MARK: - Reading

    /// Reads the news.
    private func read(_ round: Int) async throws(StorageError) {
        let began = steady()
        let overlap = round.isMultiple(of: 8) ? Duration.seconds(30) : .seconds(2)
        try await readPages(after: readAt == nil ? 0 : marks.number(before: began, by: overlap))
        if readAt == nil {
            marks.begin(at: began, list.number(before: FeedMarks.rowsInFlight))
            sweptAt = began
        }
        marks.note(list.newest, at: began)
        try await sweepOn(at: began)
        list.drop(at: steady())
        readAt = began
        figures.note(entries: list.count, readAt: began)
        answerLoading(nil)
    }

    /// Reads pages until there are no more; the next one comes while one is taken in.
    private func readPages(after first: Int64) async throws(StorageError) {
        var page = try await Self.rows(of: storage, after: first).get()
        while true {
            if noteHistory(of: page) {
                page = try await Self.rows(of: storage, after: 0).get()
                continue
            }
            guard !page.isLast, let last = page.last else { break }
            async let next = Self.rows(of: storage, after: last)
            list.add(page, life: await life(), at: steady())
            page = try await next.get()
        }
        list.add(page, life: await life(), at: steady())
    }

    private static func rows(
        of storage: any RevocationLog, after number: Int64
    ) async -> Result<RevocationPage, StorageError> {
        do throws(StorageError) {
            return .success(try await storage.revocations(after: number, limit: pageSize))
        } catch {
            return .failure(error)
        }
    }

    /// Notes which history a page belongs to; returns whether all was forgotten because it is another one.
    private func noteHistory(of page: RevocationPage) -> Bool {
        guard page.history != history else { return false }
        let isFirst = history.isEmpty
        history = page.history
        if !isFirst { forget() }
        return !isFirst
    }

    /// Reads all again, a page at a time: what was written before and became visible much later.
    private func sweepOn(at now: MonotonicTime) async throws(StorageError) {
        if sweep == nil, now - sweptAt >= Self.fullInterval { (sweep, sweptAt) = (0, now) }
        guard let place = sweep else { return }
        let page = try await Self.rows(of: storage, after: place).get()
        if noteHistory(of: page) { throw StorageError(.unavailable, "storage has another history than before") }
        list.add(page, life: await life(), at: steady())
        sweep = page.isLast ? nil : page.last
    }

    // MARK: - Answering

    /// The place of a cursor; `nil` where it means nothing here.
    private func place(of cursor: FeedCursor?) -> Int64? {
        guard let cursor, cursor.history == historyWord else { return nil }
        if cursor.core == core { return cursor.place <= list.end ? max(cursor.place, list.begin) : nil }
        return cursor.settled <= list.newest ? list.place(after: cursor.settled) : nil
    }

    private var historyWord: UInt64 {
        RevocationDigest(of: history).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func page(from start: Int64?) -> FeedPage {
        let place = start ?? list.begin
        let keys = start == nil ? list.newestKeys(Self.pageSize / 2) : []
        let entries = list.entries(from: place, limit: Self.pageSize - keys.count)
        let next = min(max(place, list.begin).saturatingAdd(Int64(entries.count)), list.end)
        let now = steady()
        let settled = marks.number(before: now, by: .seconds(30))
        let cursor = FeedCursor(history: historyWord, settled: settled, core: core, place: next)
        return FeedPage(
            stream: FeedCursor.hex(historyWord), isReset: start == nil, hasMore: next < list.end,
            age: Milliseconds(max((now - (readAt ?? now)).inMilliseconds, 0)), next: cursor.text,
            entries: (keys + entries).map(\.entry))
    }
}
