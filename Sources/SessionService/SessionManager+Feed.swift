import Foundations
package import RevocationFeed
import SessionEngine
import SessionStorage

extension SessionManager {
    /// News of ended sessions, for verifiers that do not ask (docs/feed.md).
    ///
    /// - Parameters:
    ///   - cursor: of the answer before; `nil` for all that matters now.
    ///   - wait: for how long news is waited for, at most 30 s.
    /// - Throws: ``ServiceError`` while storage has not been read.
    package func feed(after cursor: String?, wait: Duration) async throws(ServiceError) -> FeedPage {
        try await storing { () async throws(StorageError) in try await feedSource.page(after: cursor, wait: wait) }
    }

    /// How many ends the feed has, and for how long storage was not read; `nil` where it is not asked for.
    package var feedFigures: (entries: Int, age: Duration)? { feedSource.figures.value(at: .present) }

    /// Ends the waiting of those who read the feed: the core stops.
    package func stopFeed() async { await feedSource.stop() }

    /// Removes what verifiers need no more.
    ///
    /// - Parameter limit: how many at most, so that other writes need not wait long.
    /// - Returns: how many there were; fewer than `limit` when none are left.
    /// - Throws: ``ServiceError``.
    public func trimRevocations(atMost limit: Int) async throws(ServiceError) -> Int {
        try await storing { () async throws(StorageError) in
            let life = try await Self.noteTokenLife(policy.accessTokenValidity, storage, clock)
            // Twice the margin: no core has it among its entries by then.
            let before = clock.time().sinceEpoch - life - ListedEnd.margin - ListedEnd.margin
            return try await storage.trimRevocations(notedBefore: Timestamp(milliseconds: before.count), limit: limit)
        }
    }

    /// Notes how long access tokens live now, so that a core with a shorter life knows of the longer one.
    ///
    /// - Throws: ``ServiceError``.
    func noteTokenLife() async throws(ServiceError) {
        _ = try await storing { () async throws(StorageError) in
            try await Self.noteTokenLife(policy.accessTokenValidity, storage, clock)
        }
    }

    /// Reads and notes the longest life of an access token that may be in use.
    static func noteTokenLife(
        _ configured: Milliseconds, _ storage: any KeyStore, _ clock: ClockAndRandomness
    ) async throws(StorageError) -> Milliseconds {
        let first = TokenLife(configured)
        let text = try await storage.value(named: .tokenLife) { first.text }
        let noted = TokenLife(text) ?? first
        let now = noted.followed(by: configured, at: clock.time())
        if now.text != text {
            // Another node that was quicker has its own turn again.
            _ = try await storage.replaceValue(named: .tokenLife, text, by: now.text, audit: nil)
        }
        return max(now.life, noted.life)
    }
}

/// The longest life of an access token, read from storage now and then.
actor TokenLifeReader {
    private let configured: Milliseconds
    private let storage: any KeyStore
    private let clock: ClockAndRandomness
    private var known: Milliseconds?
    private var readAt = Timestamp(milliseconds: 0)

    init(_ configured: Milliseconds, _ storage: any KeyStore, _ clock: ClockAndRandomness) {
        (self.configured, self.storage, self.clock) = (configured, storage, clock)
    }

    /// At most a minute old; what was known before where storage does not answer.
    func life() async -> Milliseconds {
        let now = clock.time()
        if let known, readAt <= now, now < readAt + .seconds(60) { return known }
        guard let life = try? await SessionManager.noteTokenLife(configured, storage, clock) else {
            return max(known ?? configured, configured)
        }
        (known, readAt) = (life, now)
        return life
    }
}
