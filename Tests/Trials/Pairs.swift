import ArgumentParser
import Foundation
import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import TrialSupport

/// docs/specification/security.md E-02: two operations race on one session, in every pair.
struct PairsTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pairs", abstract: "Every pair of operations races on one session (E-02).")

    @Option(help: "How many rounds for each pair.") var rounds = 10_000
    @Option(help: "The first seed.") var seed: UInt64 = 0
    @Option(help: "Where the database goes; a file system in memory is faster.") var folder: String?

    /// How many races are under way at one time, each in an app of its own.
    private static let lanes = 32
    /// The pairs that the mistake has to spoil.
    private static let controls: [[RaceOperation]] = [[.refresh, .revoke], [.refresh, .update], [.update, .update]]

    func run() async throws {
        let start = ContinuousClock().systemNow
        print("\(RaceOperation.pairs.count) pairs, \(rounds) rounds each, both rules, seed \(seed), \(place)")
        var total = TrialReport()
        for pair in RaceOperation.pairs {
            let begun = ContinuousClock().systemNow
            let found = try await race(pair, rounds: rounds, isNaive: false)
            show(pair, found, since: begun)
            total.add(found.report)
        }
        total.counts = [:]
        try Outcome.show("pairs", total, since: start)
        for pair in Self.controls {
            let begun = ContinuousClock().systemNow
            let found = try await race(pair, rounds: 2_000, isNaive: true)
            let name = "\(Self.name(pair)), a storage that reads and writes in two steps"
            try Outcome.showControl(name, found.report, since: begun)
        }
    }

    private static func name(_ pair: [RaceOperation]) -> String { pair.map(\.rawValue).joined(separator: " | ") }

    private var parent: String {
        if let folder { return folder }
        let memory = "/dev/shm"
        return FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
    }

    private var place: String { "SQLite in \(parent)" + (parent == "/dev/shm" ? " (memory)" : "") }

    private func show(_ pair: [RaceOperation], _ found: RaceResult, since start: ContinuousClock.Instant) {
        let report = found.report
        let seconds = start.duration(to: ContinuousClock().systemNow).components.seconds
        let counts = report.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        var line = "  \(Self.name(pair)): \(report.rounds) rounds, \(report.faults) delays, "
        line += "\(report.violations) violations, \(seconds) s; \(counts)"
        if let slowest = found.slowestRevocation { line += "; p99 of revoke \(slowest) ms" }
        print(line)
    }

    private func race(_ pair: [RaceOperation], rounds: Int, isNaive: Bool) async throws -> RaceResult {
        let path = "\(parent)/tessera-pairs-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = try SQLiteDatabase(folder: path)
        let lanes = min(Self.lanes, rounds)
        return try await withThrowingTaskGroup(of: RaceResult.self) { group in
            for number in 0..<lanes {
                let storage = database.storage(of: AppID("lane-\(number)"))
                let share = rounds / lanes + (number < rounds % lanes ? 1 : 0)
                group.addTask {
                    let lane = try await RaceLane(seed &+ UInt64(number), storage, isNaive: isNaive)
                    return try await lane.run(pair, share)
                }
            }
            return try await group.reduce(into: RaceResult()) { $0.add($1) }
        }
    }
}

/// What the races of a pair came to.
struct RaceResult: Sendable {
    var report = TrialReport()
    /// How long each revocation took.
    var revocations: [Duration] = []

    mutating func add(_ other: RaceResult) {
        report.add(other.report)
        revocations += other.revocations
    }

    /// The 99th percentile in milliseconds, injected delays and waiting for a turn included.
    var slowestRevocation: String? {
        guard !revocations.isEmpty else { return nil }
        let time = revocations.sorted()[revocations.count * 99 / 100]
        return String(format: "%.1f", time / .milliseconds(1))
    }
}
