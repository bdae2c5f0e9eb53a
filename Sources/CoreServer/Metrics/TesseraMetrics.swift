package import Foundations
package import OperatorMetrics
import OperatorTracing
package import SessionEngine
import SessionStorage
import Synchronization

/// All that a core counts and measures: this file is the table of its families, and docs/metrics.md explains them.
///
/// The values of labels are closed sets: nothing of a request becomes one (docs/decisions/0035).
package final class TesseraMetrics: Sendable {
    package let registry = MetricRegistry()
    let requests: RequestMetrics
    let verdicts: VerdictMetrics
    let signatures: SignatureMetrics
    let storage: StorageMetrics
    let traces: TraceMetrics
    /// When the configuration was last read again.
    package let reloads = LastValue()

    package init() {
        requests = RequestMetrics(registry)
        verdicts = VerdictMetrics(registry)
        signatures = SignatureMetrics(registry)
        storage = StorageMetrics(registry)
        traces = TraceMetrics(registry)
    }

    /// Notes a commit of SQLite.
    ///
    /// - Parameters:
    ///   - writes: how many writes it had.
    ///   - duration: the time of its transaction.
    package func committed(_ writes: Int, _ duration: Duration) {
        storage.groups.note(Int64(writes))
        storage.commits.note(duration.inNanoseconds)
    }

    /// Notes a signature that is made now, and records it in the trace of the request that it is for.
    ///
    /// - Parameters:
    ///   - algorithm: by which.
    ///   - begun: when it was begun.
    ///   - traces: whether requests are traced.
    package func signed(_ algorithm: SigningAlgorithm, _ begun: MonotonicTime, traces: Bool = false) {
        signatures.made.add(algorithm)
        signatures.durations.note(MonotonicTime.present.nanoseconds &- begun.nanoseconds)
        if traces { RequestTrace.current?.addPart(since: begun, .signature(algorithm)) }
    }
}

/// Labels whose names are fields of requests too, which have nothing to do with them.
private enum LabelName: String {
    case algorithm, event
}

/// Requests and their connections.
struct RequestMetrics: Sendable {
    let answered: PairCounter<OperationLabel, OutcomeLabel>
    let durations: LabelledHistogram<OperationLabel>
    let inFlight = MetricLevel()
    let connections = MetricLevel()
    let refused: LabelledCounter<RefusalLabel>

    /// A refresh takes 0.3 to 5 ms.
    private static let limits = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

    init(_ registry: MetricRegistry) {
        answered = registry.counter(
            MetricDescription(
                "tessera_requests_total", "Requests answered, by operation and outcome.",
                labels: ["operation", "outcome"]), by: OperationLabel.self, OutcomeLabel.self)
        durations = registry.histogram(
            MetricDescription(
                "tessera_request_duration_seconds",
                "Time from the head of a request until its answer is given to the system.", labels: ["operation"]),
            .seconds(Self.limits), by: OperationLabel.self)
        let (inFlight, connections) = (inFlight, connections)
        registry.gauge(
            MetricDescription("tessera_requests_in_flight", "Requests that have begun and are not answered yet.")
        ) { inFlight.value }
        registry.gauge(MetricDescription("tessera_connections", "Connections of clients that are open.")) {
            connections.value
        }
        refused = registry.counter(
            MetricDescription(
                "tessera_connections_refused_total",
                "Connections that got no answer to what they came for, by the reason.", labels: ["reason"]),
            by: RefusalLabel.self)
    }

    /// Counts an answer.
    ///
    /// - Parameters:
    ///   - operation: what was asked.
    ///   - outcome: how it was answered.
    ///   - begun: when its head had come; `nil` where it had no head.
    func note(_ operation: OperationLabel, _ outcome: OutcomeLabel, since begun: MonotonicTime?) {
        answered.add(operation, outcome)
        guard let begun else { return }
        durations.note(MonotonicTime.present.nanoseconds &- begun.nanoseconds, operation)
    }
}

/// What the rules decided.
struct VerdictMetrics: Sendable {
    let created: LabelledCounter<RotationLabel>
    let refreshes: LabelledCounter<RefreshLabel>
    let reuses: PairCounter<ReuseLabel, FlagLabel>
    let verifications: LabelledCounter<VerificationLabel>
    let unknownKeyLookups: MetricCounter

    init(_ registry: MetricRegistry) {
        created = registry.counter(
            MetricDescription(
                "tessera_sessions_created_total", "Sessions created, by when the driver's version rotates them.",
                labels: ["rotation"]), by: RotationLabel.self)
        refreshes = registry.counter(
            MetricDescription("tessera_refreshes_total", "Refreshes, by what they came to.", labels: ["result"]),
            by: RefreshLabel.self)
        reuses = registry.counter(
            MetricDescription(
                "tessera_reuses_total",
                "Superseded refresh tokens that were used again, by how they were superseded and whether it ended the session.",
                labels: ["class", "ended"]), by: ReuseLabel.self, FlagLabel.self)
        verifications = registry.counter(
            MetricDescription(
                "tessera_verifications_total", "Access tokens verified, by the result.", labels: ["result"]),
            by: VerificationLabel.self)
        unknownKeyLookups = registry.counter(
            MetricDescription(
                "tessera_unknown_key_lookups_total",
                "Access tokens for which the keys in storage were looked up, because no key in memory had signed them.")
        )
    }
}

/// Signatures of access tokens.
struct SignatureMetrics: Sendable {
    let made: ValueCounter<SigningAlgorithm>
    let durations: MetricHistogram

    private static let limits = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1]

    init(_ registry: MetricRegistry) {
        made = registry.counter(
            MetricDescription(
                "tessera_signatures_total", "Tokens signed, by algorithm.",
                labels: [LabelName.algorithm.rawValue]),
            of: SigningAlgorithm.allCases, label: \.rawValue)
        durations = registry.histogram(
            MetricDescription("tessera_signature_duration_seconds", "Time of one signature."), .seconds(Self.limits))
    }
}

/// What became of spans.
struct TraceMetrics: Sendable {
    let exported: MetricCounter
    let dropped: LabelledCounter<TraceLossLabel>

    init(_ registry: MetricRegistry) {
        exported = registry.counter(
            MetricDescription("tessera_trace_spans_exported_total", "Spans that were exported."))
        dropped = registry.counter(
            MetricDescription(
                "tessera_trace_spans_dropped_total", "Spans that were lost, by the reason.", labels: ["reason"]),
            by: TraceLossLabel.self)
    }
}

/// Steps of storage, and what they did.
struct StorageMetrics: Sendable {
    let durations: LabelledHistogram<StorageStepLabel>
    let errors: ValueCounter<StorageError.Code>
    let ended: ValueCounter<Revocation.Means>
    let rotations: MetricCounter
    let auditEntries: ValueCounter<AuditEvent.Name>
    let removed: LabelledCounter<JobLabel>
    let groups: MetricHistogram
    let commits: MetricHistogram
    let clockOffset = LastValue()
    private let jobs = JobLabel.allCases.map { _ in LastValue() }

    private static let limits = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

    init(_ registry: MetricRegistry) {
        durations = registry.histogram(
            MetricDescription(
                "tessera_storage_duration_seconds", "Time of one step of storage, its wait included.", labels: ["step"]),
            .seconds(Self.limits), by: StorageStepLabel.self)
        errors = registry.counter(
            MetricDescription(
                "tessera_storage_errors_total", "Steps of storage that failed, by the kind of failure.",
                labels: ["code"]), of: StorageError.Code.all, label: { MetricName.snakeCase($0.name) })
        ended = registry.counter(
            MetricDescription("tessera_sessions_ended_total", "Sessions ended, by how.", labels: ["means"]),
            of: Revocation.Means.allCases, label: \.rawValue)
        rotations = registry.counter(
            MetricDescription(
                "tessera_rotations_total", "Sessions whose current refresh token became another one."))
        auditEntries = registry.counter(
            MetricDescription(
                "tessera_audit_entries_total", "Entries written into the audit log, by event.",
                labels: [LabelName.event.rawValue]),
            of: AuditEvent.Name.allCases, label: \.rawValue)
        removed = registry.counter(
            MetricDescription(
                "tessera_maintenance_removed_total",
                "What upkeep removed, and for the chain what it covered, by task.", labels: ["task"]), by: JobLabel.self
        )
        groups = registry.histogram(
            MetricDescription("tessera_storage_group_size", "Writes that shared one commit of SQLite."),
            .counts([1, 2, 4, 8, 16, 32, 64, 128]))
        commits = registry.histogram(
            MetricDescription(
                "tessera_storage_commit_duration_seconds", "Time of one transaction of SQLite, its flush included."),
            .seconds(Self.limits))
        showUpkeep(in: registry)
    }

    private func showUpkeep(in registry: MetricRegistry) {
        let (clockOffset, jobs) = (clockOffset, jobs)
        registry.gauge(
            MetricDescription(
                "tessera_clock_offset_seconds",
                "The clock of the database minus that of this machine at the last step; none with SQLite.")
        ) { clockOffset.value }
        registry.gauge(
            MetricDescription(
                "tessera_maintenance_last_success_timestamp_seconds",
                "When a job of upkeep last ended well, or the start of the core before the first time.",
                labels: ["task"])
        ) { zip(JobLabel.allCases, jobs).compactMap { job, time in time.value.map { ([job.label], $0) } } }
    }

    /// Notes that a job went well.
    ///
    /// - Parameters:
    ///   - job: which one.
    ///   - time: when.
    func succeeded(_ job: JobLabel, at time: Timestamp) { jobs[job.rawValue].set(time.inSeconds) }

    /// Counts upkeep from the start of the core on.
    func begin(at time: Timestamp) {
        for job in JobLabel.allCases { succeeded(job, at: time) }
    }
}

/// A number that was measured last; `nil` before the first time.
package final class LastValue: Sendable {
    private let bits = Atomic<UInt64>(Double.nan.bitPattern)

    package init() {}

    package var value: Double? {
        let value = Double(bitPattern: bits.load(ordering: .relaxed))
        return value.isNaN ? nil : value
    }

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
}

extension Timestamp {
    /// Seconds since 1970.
    package var inSeconds: Double { Double(milliseconds) / 1_000 }
}
