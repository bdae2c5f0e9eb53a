import Foundations
import OperatorMetrics
import SessionEngine
package import SessionService
import SessionStorage

/// What a storage says of itself at a scrape; each waits for nothing, and `nil` is what this storage does not have.
package struct StorageGauges: Sendable {
    /// How many writes wait.
    package var waitingWrites: @Sendable () -> Int? = { nil }
    /// How many bytes are missing from the reserve on the disk.
    package var missingReserve: @Sendable () -> Int? = { nil }
    /// How many connections to the database work, of how many.
    package var connections: @Sendable () -> (working: Int, all: Int)? = { nil }

    package init() {}
}

extension CoreAPI {
    /// Notes that the configuration was read again with success.
    package func noteReload() { metrics.reloads.set(service.currentTime.inSeconds) }
}

/// What a process says of itself that does not change.
package struct BuildFacts: Sendable {
    /// Which release it is.
    package var version: String
    /// Where sessions are.
    package var storage: StorageKind
    /// How often the store was restored.
    package var restoreNumber: UInt8

    /// The kinds of storage.
    package enum StorageKind: String, Sendable {
        case sqlite, postgresql
    }

    package init(version: String, storage: StorageKind, restoreNumber: UInt8) {
        (self.version, self.storage, self.restoreNumber) = (version, storage, restoreNumber)
    }
}

/// The rest of the table of families: numbers that are asked for at a scrape.
extension TesseraMetrics {
    /// Adds what a core says of itself.
    ///
    /// - Parameters:
    ///   - api: the core.
    ///   - facts: what does not change.
    ///   - storage: what its storage says.
    package func show(_ api: CoreAPI, _ facts: BuildFacts, _ storage: StorageGauges) {
        showFacts(facts)
        showKeys(of: api.service)
        showStorage(api.readiness, storage)
        showFeed(of: api.service)
        let reloads = reloads
        registry.gauge(
            MetricDescription(
                "tessera_config_reload_last_success_timestamp_seconds",
                "When the configuration was last read again with success; none before the first time.")
        ) { reloads.value }
    }

    private func showFacts(_ facts: BuildFacts) {
        registry.gauge(
            MetricDescription(
                "tessera_build_info", "1, with the release and the kind of storage.", labels: ["version", "storage"])
        ) { [([facts.version, facts.storage.rawValue], 1)] }
        registry.gauge(MetricDescription("tessera_restores", "How often the store was restored from a copy.")) {
            Double(facts.restoreNumber)
        }
    }

    private func showKeys(of service: SessionManager) {
        registry.gauge(
            MetricDescription(
                "tessera_signing_key_age_seconds",
                "Time since the newest usable signing key of the app public was made.", labels: ["kind"])
        ) {
            service.signingKeyFigures.ages.map { ([$0.key.rawValue], Double($0.value.count) / 1_000) }.sorted {
                $0.0[0] < $1.0[0]
            }
        }
        registry.gauge(
            MetricDescription(
                "tessera_signing_key_due_seconds",
                "Time until the dynamic signing key has to be replaced; negative when that is late.")
        ) { service.signingKeyFigures.due.map { Double($0.count) / 1_000 } }
        registry.gauge(
            MetricDescription("tessera_signing_keys", "Signing keys of the app public, by state.", labels: ["state"])
        ) {
            let states = service.signingKeyFigures.states
            return KeyState.allCases.map { ([$0.rawValue], Double(states[$0] ?? 0)) }
        }
    }

    private func showFeed(of service: SessionManager) {
        registry.gauge(
            MetricDescription(
                "tessera_feed_age_seconds",
                "Time since the feed of ended sessions was read from storage; none while it is not asked for.")
        ) { service.feedFigures.map { Double($0.age.inMilliseconds) / 1_000 } }
        registry.gauge(
            MetricDescription(
                "tessera_feed_entries", "Ends in the feed of the app public; none while it is not asked for.")
        ) { service.feedFigures.map { Double($0.entries) } }
    }

    /// Adds what becomes of security events.
    ///
    /// - Parameter events: the streams of the configuration with their figures.
    package func show(_ events: EventFigures) {
        func add(_ name: String, _ help: String, _ value: @escaping @Sendable (EventFigures.Figures) -> Double?) {
            registry.gauge(MetricDescription(name, help, labels: ["app", "stream"])) {
                events.streams.compactMap { stream in
                    value(events.value(of: stream)).map { ([stream.app.rawValue, stream.name.rawValue], $0) }
                }
            }
        }
        add("tessera_events_pending", "Security events that wait for their receiver, as storage said last.") {
            $0.state.map { Double($0.pending) }
        }
        add("tessera_events_dead", "Security events that were given up, as storage said last.") {
            $0.state.map { Double($0.dead) }
        }
        add("tessera_events_oldest_pending_seconds", "For how long the oldest security event waits; 0 where none does.")
        {
            $0.age(at: ClockAndRandomness.system.time())
        }
        registry.gauge(
            MetricDescription(
                "tessera_events_deliveries_total",
                "What became of security events that were sent or asked for, by result.",
                labels: ["app", "stream", "result"]), isCounter: true
        ) {
            events.streams.flatMap { stream in
                let (figures, names) = (events.value(of: stream), [stream.app.rawValue, stream.name.rawValue])
                let counts = [
                    ("delivered", figures.delivered), ("failed", figures.failed), ("refused", figures.refused),
                ]
                return counts.map { (labels: names + [$0.0], value: Double($0.1)) }
            }
        }
    }

    private func showStorage(_ readiness: Readiness, _ storage: StorageGauges) {
        registry.gauge(
            MetricDescription("tessera_storage_up", "Whether storage answers: 1 or 0, as /health/ready says.")
        ) {
            readiness.isUp ? 1 : 0
        }
        registry.gauge(MetricDescription("tessera_storage_writes_waiting", "Writes that wait for their transaction.")) {
            storage.waitingWrites().map(Double.init)
        }
        registry.gauge(
            MetricDescription(
                "tessera_storage_reserve_missing_bytes",
                "Room missing from the reserve that revocations find on a full disk; none with PostgreSQL.")
        ) { storage.missingReserve().map(Double.init) }
        registry.gauge(
            MetricDescription(
                "tessera_storage_connections", "Connections to PostgreSQL, by state; none with SQLite.",
                labels: ["state"])
        ) {
            guard let connections = storage.connections() else { return [] }
            return [
                (["working"], Double(connections.working)),
                (["broken"], Double(max(0, connections.all - connections.working))),
            ]
        }
    }
}
