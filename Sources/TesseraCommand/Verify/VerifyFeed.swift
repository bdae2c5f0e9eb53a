import EdgeVerdicts
import Foundations
import Logging
import OperatorMetrics
import RevocationFeed
import ServiceLifecycle
import SessionEngine

/// The feed of ended sessions, as a sidecar follows it.
struct VerifyFeed: Sendable {
    let verifier: FeedVerifier
    let follower: FeedFollower
    private let keys: KeySetCache

    init(
        _ settings: VerifySettings, _ knowledge: CoreKnowledge, _ keys: KeySetCache, _ registry: MetricRegistry,
        _ clock: ClockAndRandomness, _ logger: Logger
    ) {
        self.keys = keys
        let verdicts = registry.counter(
            MetricDescription(
                "tessera_sdk_feed_verdicts_total", "What the feed of ended sessions, or its silence, said of tokens.",
                labels: ["verdict"]), of: FeedVerdict.names, label: { $0 })
        let policy = settings.policy
        let verifier = FeedVerifier(
            policy: policy, time: clock.time, hasChanged: { Self.log($0, policy, to: logger) },
            count: { verdict in if let name = verdict.name { verdicts.add(name) } })
        self.verifier = verifier
        registry.gauge(MetricDescription("tessera_sdk_feed_age_seconds", "Time since the last news of the feed.")) {
            Double(verifier.status.staleness.count) / 1_000
        }
        registry.gauge(MetricDescription("tessera_sdk_feed_entries", "How many ends are known.")) {
            Double(verifier.status.entries)
        }
        follower = FeedFollower(
            cores: settings.cores.count, verifier: verifier,
            .init(
                ask: { await knowledge.feed($0) }, randomBits: clock.randomBits, pause: clock.pause,
                news: { news in
                    switch news {
                    case .failed(let reason): logger.warning("the feed of ended sessions: \(reason)")
                    case .killed(let ids):
                        logger.notice("signing keys are trusted no more: \(ids.joined(separator: ", "))")
                        keys.drop(ids.compactMap(KeyID.init))
                    }
                }))
    }

    /// Reads until its task is cancelled.
    ///
    /// - Parameter each: called after each answer.
    func run(each: @escaping @Sendable () -> Void) async {
        // The first request does not wait for them.
        _ = keys.atHand()
        await follower.run { _ in each() }
    }

    private static func log(_ status: FeedVerifier.Status, _ policy: FeedPolicy, to logger: Logger) {
        if status.isFresh {
            logger.notice("the feed of ended sessions is fresh: \(status.entries) entries")
        } else {
            logger.error(
                """
                the feed of ended sessions is silent, its last news \(status.staleness.count) ms old: requests are \
                treated as '\(policy.whenSilent.rawValue)' says (docs/verify.md)
                """)
        }
    }
}

/// Reads the feed until the sidecar ends; a question that is under way then is not waited for.
struct VerifyFeedService: Service, CustomStringConvertible {
    let feed: VerifyFeed
    let each: @Sendable () -> Void

    var description: String { "VerifyFeed" }

    func run() async throws {
        let reader = Task { await feed.run(each: each) }
        try? await gracefulShutdown()
        reader.cancel()
    }
}
