/// What a trial found.
public struct TrialReport: Sendable {
    /// How many rounds, schedules or seeds there were.
    public var rounds = 0
    /// How many faults were put in their way.
    public var faults = 0
    /// How many promises were broken.
    public var violations = 0
    /// The first of them, as sentences.
    public var examples: [String] = []
    /// Counts of what else is worth knowing, by name.
    public var counts: [String: Int] = [:]

    /// A report of nothing.
    public init() {}

    /// Adds a broken promise.
    public mutating func violate(_ sentence: String) {
        violations += 1
        if examples.count < 5 { examples.append(sentence) }
    }

    /// Counts something.
    public mutating func count(_ name: String, _ number: Int = 1) { counts[name, default: 0] += number }

    /// Adds another report.
    public mutating func add(_ other: TrialReport) {
        rounds += other.rounds
        faults += other.faults
        violations += other.violations
        examples = Array((examples + other.examples).prefix(5))
        counts.merge(other.counts, uniquingKeysWith: +)
    }
}

/// Splits work among the processors and adds up what is found.
public func inShares(
    _ seeds: Range<UInt64>, of shares: Int = 2,
    _ body: @escaping @Sendable (Range<UInt64>) async throws -> TrialReport
) async throws -> TrialReport {
    let size = (seeds.count + shares - 1) / max(1, shares)
    let ranges = (0..<shares).map { share in
        let lower = min(seeds.upperBound, seeds.lowerBound + UInt64(share * size))
        return lower..<min(seeds.upperBound, lower + UInt64(size))
    }
    return try await withThrowingTaskGroup(of: TrialReport.self) { group in
        for range in ranges where !range.isEmpty { group.addTask { try await body(range) } }
        return try await group.reduce(into: TrialReport()) { $0.add($1) }
    }
}
