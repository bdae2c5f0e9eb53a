import Foundations
import LosslessJSON
import OperatorMetrics

/// What a core has counted at one moment, for the figures of the admin page.
struct LiveFigures: Sendable {
    let signIns: UInt64
    let refreshes: UInt64
    let reuses: UInt64
    let refused: UInt64
    private let createTimes: [UInt64]
    private let refreshTimes: [UInt64]
    private let limits: [Double]
    private let (connections, inFlight): (Double, Double)
    private let isUp: Bool

    /// Reads the counters of a core; takes no lock and asks no storage.
    init(_ api: CoreAPI) {
        let (verdicts, requests) = (api.metrics.verdicts, api.metrics.requests)
        signIns = RotationLabel.allCases.reduce(0) { $0 &+ verdicts.created.value($1) }
        refreshes = [RefreshLabel.refreshed, .shared].reduce(0) { $0 &+ verdicts.refreshes.value($1) }
        reuses = ReuseLabel.allCases.reduce(0) { sum, found in
            FlagLabel.allCases.reduce(sum) { $0 &+ verdicts.reuses.value(found, $1) }
        }
        refused = RefusalLabel.allCases.reduce(0) { $0 &+ requests.refused.value($1) }
        createTimes = requests.durations.counts(.createSession)
        refreshTimes = requests.durations.counts(.refreshSession)
        limits = requests.durations.limits
        (connections, inFlight) = (requests.connections.value, requests.inFlight.value)
        isUp = api.readiness.isUp
    }

    /// The figures as the page gets them: what was counted since the start of the core, and times of requests since an
    /// earlier moment.
    ///
    /// - Parameters:
    ///   - earlier: that moment.
    ///   - time: when, for the reader.
    func json(since earlier: LiveFigures, at time: Timestamp) -> JSONObject {
        var object: JSONObject = [:]
        object[.time] = .integer(time.milliseconds)
        object[.signIns] = .integer(signIns)
        object[.refreshes] = .integer(refreshes)
        object[.reuses] = .integer(reuses)
        object[.refused] = .integer(refused)
        let (create, refresh) = (
            Self.difference(createTimes, earlier.createTimes), Self.difference(refreshTimes, earlier.refreshTimes)
        )
        for (name, counts, share) in [
            (AdminName.medianSignIn, create, 0.5), (.slowSignIn, create, 0.99), (.medianRefresh, refresh, 0.5),
            (.slowRefresh, refresh, 0.99),
        ] {
            object[name] = Self.quantile(share, of: counts, limits).flatMap { JSONNumber($0) }.map { .number($0) }
        }
        object[.connections] = .integer(Int64(connections))
        object[.inFlight] = .integer(Int64(inFlight))
        object[.isUp] = .bool(isUp)
        return object
    }

    static func difference(_ now: [UInt64], _ before: [UInt64]) -> [UInt64] {
        zip(now, before).map { $0 >= $1 ? $0 &- $1 : 0 }
    }

    /// A quantile in milliseconds, by a straight line within its bucket; beyond the last limit, that limit.
    ///
    /// - Returns: `nil` where nothing was measured.
    static func quantile(_ share: Double, of counts: [UInt64], _ limits: [Double]) -> Double? {
        let total = counts.reduce(0) { $0 &+ $1 }
        guard total > 0, let last = limits.last else { return nil }
        let rank = share * Double(total)
        var (seen, start) = (0.0, 0.0)
        for (count, limit) in zip(counts, limits) {
            let count = Double(count)
            if count > 0, seen + count >= rank { return (start + (limit - start) * (rank - seen) / count) * 1_000 }
            (seen, start) = (seen + count, limit)
        }
        return last * 1_000
    }
}

/// The figures of one reader of the admin page, one after the other.
struct LiveFeed: Sendable {
    private var history: [LiveFigures] = []

    /// Over how many seconds the times of requests are looked at.
    static let span = 10

    /// The next event of the stream.
    ///
    /// - Parameters:
    ///   - figures: those of now.
    ///   - time: when.
    mutating func event(_ figures: LiveFigures, at time: Timestamp) -> String {
        history.append(figures)
        if history.count > Self.span + 1 { history.removeFirst() }
        let earlier = history.first ?? figures
        return "data: \(figures.json(since: earlier, at: time).text)\n\n"
    }

    /// The last event of a stream whose admin session has ended.
    static let end = "event: end\ndata: {}\n\n"
}
