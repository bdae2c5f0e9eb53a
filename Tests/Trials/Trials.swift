import ArgumentParser
import SessionEngine
import TrialSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Long trials of what must never happen; `make` runs them.
@main
struct Trials: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Long trials of rotation and revocation.",
        subcommands: [
            SchedulesTrial.self, SimulationTrial.self, FollowTrial.self, SameTokenTrial.self, PairsTrial.self,
            SessionLimitsTrial.self,
        ] + ofPostgreSQL)

    #if PostgreSQL
        private static let ofPostgreSQL: [any ParsableCommand.Type] = [StorageSpeed.self]
    #else
        private static let ofPostgreSQL: [any ParsableCommand.Type] = []
    #endif
}

/// The end of a trial, for people.
enum Outcome {
    /// Prints a report; throws unless it is as it has to be.
    static func show(_ name: String, _ report: TrialReport, since start: ContinuousClock.Instant) throws {
        print(line(name, report, since: start))
        for example in report.examples { print("  \(example)") }
        if report.violations > 0 { throw ExitCode.failure }
    }

    /// Prints the report of a control; throws unless the mistake was found.
    static func showControl(_ name: String, _ report: TrialReport, since start: ContinuousClock.Instant) throws {
        print(line("control: \(name)", report, since: start))
        guard report.violations > 0 else {
            print("  the mistake was not found")
            throw ExitCode.failure
        }
        print("  found, as it must be: \(report.examples.first ?? "")")
    }

    private static func line(_ name: String, _ report: TrialReport, since start: ContinuousClock.Instant) -> String {
        let time = start.duration(to: ContinuousClock().systemNow)
        let counts = report.counts.sorted { $0.key < $1.key }.map { ", \($0.value) \($0.key)" }.joined()
        return "\(name): \(report.rounds) rounds, \(report.faults) faults, \(report.violations) violations\(counts), "
            + "\(time.components.seconds) s"
    }
}

extension ContinuousClock {
    /// The time that passes while a trial runs.
    var systemNow: Instant { self.now }
}

/// 100,000 lives of honest clients.
struct SchedulesTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules", abstract: "Honest clients whose messages are lost, late, doubled and reordered.")

    @Option(help: "How many schedules.") var rounds: UInt64 = 100_000
    @Option(help: "The first seed.") var seed: UInt64 = 0

    func run() async throws {
        let start = ContinuousClock().systemNow
        print("seeds \(seed)..<\(seed + rounds)")
        let report = try await inShares(seed..<seed + rounds) { try await Schedules().run($0) }
        try Outcome.show("schedules", report, since: start)
        let control = try await inShares(seed..<seed + 500) { try await Schedules(.randomSuccessors).run($0) }
        try Outcome.showControl("random successors", control, since: start)
        for flaw in Schedules.mustFind {
            let control = try await inShares(seed..<seed + 1_000) { try await Schedules(.flaw(flaw)).run($0) }
            try Outcome.showControl(flaw.rawValue, control, since: start)
        }
    }
}

/// 5,000 seeds of the whole service with faults.
struct SimulationTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulation", abstract: "The service over a storage that fails, in an order that a seed decides.")

    @Option(help: "How many seeds.") var rounds: UInt64 = 5_000
    @Option(help: "The first seed.") var seed: UInt64 = 0
    @Flag(help: "Print everything that happens.") var trace = false

    func run() async throws {
        let start = ContinuousClock().systemNow
        if trace {
            let (report, trace) = try await Simulation.run(seed: seed)
            for line in trace { print(line) }
            return try Outcome.show("seed \(seed)", report, since: start)
        }
        let report = try await inShares(seed..<seed + rounds) { try await Simulation.run($0) }
        try Outcome.show("simulation", report, since: start)
        for flaw in Flaw.allCases {
            let control = try await inShares(seed..<seed + 200) { try await Simulation.run($0, flaw: flaw) }
            try Outcome.showControl(flaw.rawValue, control, since: start)
        }
    }
}
