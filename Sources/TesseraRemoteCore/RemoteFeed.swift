import EdgeVerdicts
import Foundations
import Logging
import Metrics
import RevocationFeed
import SessionEngine
import Synchronization
import TesseraSessions

/// Whether the feed of ended sessions of a core elsewhere is read (docs/feed.md).
public enum FeedOption: Sendable, Equatable {
    /// A session that ended is accepted until its access token expires, unless the database is checked.
    case off
    /// A session that ended is refused within a second, and no request asks the core while the feed is fresh.
    case on(FeedPolicy = FeedPolicy())
}

/// The feed of a core elsewhere: what is known, and what reads it.
final class RemoteFeed: Sendable {
    let verifier: FeedVerifier
    let follower: FeedFollower
    private let log: FeedLog
    private let metrics = FeedMetrics()

    init(
        _ client: CoreClient, _ keys: KeySetCache, _ policy: FeedPolicy, steady: @escaping @Sendable () -> MonotonicTime
    ) {
        let (log, metrics) = (FeedLog(), metrics)
        self.log = log
        verifier = FeedVerifier(
            policy: policy, steady: steady, time: client.clock.time, hasChanged: { log.note($0, policy) },
            count: { metrics.count($0) })
        follower = FeedFollower(
            cores: client.hosts.addresses.count, verifier: verifier,
            .init(
                ask: { await client.ask($0) }, steady: steady, randomBits: client.clock.randomBits,
                pause: { try? await client.wait($0.count) },
                news: { news in
                    log.note(news)
                    if case .killed(let ids) = news { keys.drop(ids.compactMap(KeyID.init)) }
                }))
    }

    /// Reads the feed until the task is cancelled.
    func run(_ logger: Logger) async {
        log.use(logger)
        await follower.run { [metrics] in metrics.note($0) }
    }
}

extension CoreClient {
    /// Asks one core for what ended.
    fileprivate func ask(_ question: FeedRequest) async -> FeedReply {
        guard hosts.addresses.indices.contains(question.core) else { return .none("there is no core to ask") }
        var request = CoreRequest(method: "GET", url: hosts.addresses[question.core] + question.path, fields: [])
        request.timeout = question.timeout
        if let apiKey { request.fields.append(("api-key", apiKey)) }
        do throws(CoreTransportError) {
            let response = try await transport.send(request, limit: FeedPage.sizeLimit)
            return .answer(
                status: response.status, body: response.body, retryAfterSeconds: response.retryAfterSeconds)
        } catch {
            switch error {
            case .notSent(let text), .unknownOutcome(let text): return .none(text)
            }
        }
    }
}

/// One line each time that the feed falls silent or is fresh again.
private final class FeedLog: Sendable {
    private let logger = Mutex(Logger(label: "tessera.feed"))

    func use(_ other: Logger) { logger.withLock { $0 = other } }

    func note(_ status: FeedVerifier.Status, _ policy: FeedPolicy) {
        let logger = logger.withLock { $0 }
        if status.isFresh {
            logger.notice("the feed of ended sessions is fresh: \(status.entries) entries")
        } else {
            logger.error(
                """
                the feed of ended sessions is silent, its last news \(status.staleness.count) ms old: requests are \
                treated as '\(policy.whenSilent.rawValue)' says (docs/feed.md)
                """)
        }
    }

    func note(_ news: FeedNews) {
        let logger = logger.withLock { $0 }
        switch news {
        case .failed(let reason): logger.warning("the feed of ended sessions: \(reason)")
        case .killed(let ids): logger.notice("signing keys are trusted no more: \(ids.joined(separator: ", "))")
        }
    }
}

/// The feed's figures in the application's metrics.
private struct FeedMetrics: Sendable {
    private let verdicts = Dictionary(
        uniqueKeysWithValues: FeedVerdict.names.map {
            ($0, Counter(label: "tessera_sdk_feed_verdicts_total", dimensions: [("verdict", $0)]))
        })
    private let age = Gauge(label: "tessera_sdk_feed_age_seconds")
    private let entries = Gauge(label: "tessera_sdk_feed_entries")

    func count(_ verdict: FeedVerdict) {
        guard let name = verdict.name else { return }
        verdicts[name]?.increment()
    }

    func note(_ status: FeedVerifier.Status) {
        age.record(Double(status.staleness.count) / 1_000)
        entries.record(status.entries)
    }
}
