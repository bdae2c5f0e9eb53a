import ArgumentParser
import TrialSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How long an attacker with a copy of a refresh token stays in step with its owner (docs/decisions/0019).
struct FollowTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow", abstract: "Attackers who follow the owner of a session, by virtual time.")

    @Option(help: "How many copies for each owner and strategy.") var rounds: UInt64 = 300
    @Option(help: "The first seed.") var seed: UInt64 = 0

    /// The flaws that let an attacker stay, which this trial therefore has to find, with who finds them.
    private static let flaws: [(RotationFlaw, Owner, Strategy)] = [
        (.oldRule, .page, .ahead), (.uncounted, .timer, .poll), (.endless, .days, .ahead),
        (.whole, .page, .after), (.wholeAfterwards, .page, .after),
    ]

    func run() async throws {
        let start = ContinuousClock().systemNow
        print("mean periods in step after the first shared one (at most), \(rounds) copies each, seed \(seed)")
        print("  rule        owner    " + Strategy.allCases.map { $0.rawValue.padded(to: 9) }.joined())
        var violations: [String] = []
        for atOnce in [false, true] {
            for owner in Owner.allCases {
                let figures = try await figures(owner, atOnce)
                show(owner, atOnce, figures)
                for (strategy, figure) in zip(Strategy.allCases, figures) {
                    violations += faults(figure, owner, strategy).map {
                        "\(owner), \(strategy), at once: \(atOnce): \($0)"
                    }
                }
            }
        }
        for line in violations { print("  \(line)") }
        let time = start.duration(to: ContinuousClock().systemNow).components.seconds
        print("follow: \(violations.count) violations, \(time) s")
        for (flaw, owner, strategy) in Self.flaws { try await control(flaw, owner, strategy) }
        if !violations.isEmpty { throw ExitCode.failure }
    }

    private func figures(_ owner: Owner, _ atOnce: Bool) async throws -> [FollowFigure] {
        var figures: [FollowFigure] = []
        for strategy in Strategy.allCases {
            // A client that polls needs hundreds of calls for each period.
            let count = strategy == .poll ? max(10, rounds / 8) : rounds
            let follower = Follower(owner, strategy, atOnce: atOnce)
            figures.append(try await follower.run(seed..<seed + count, inShares: 2))
        }
        return figures
    }

    private func show(_ owner: Owner, _ atOnce: Bool, _ figures: [FollowFigure]) {
        let cells = figures.map { figure in
            let mean = (figure.mean * 100).rounded() / 100
            return "\(mean)\(figure.endless > 0 ? "*" : "")".padded(to: 9)
        }
        let target = Follower.target(owner)
        print(
            "  \(atOnce ? "CDI 5.6   " : "first use ")  \(owner.rawValue.padded(to: 9))\(cells.joined())(at most \(target))"
        )
    }

    private func faults(_ figure: FollowFigure, _ owner: Owner, _ strategy: Strategy) -> [String] {
        var faults: [String] = []
        if figure.mean > Follower.target(owner) { faults.append("\(figure.mean) periods in step") }
        if figure.endless > 0 { faults.append("\(figure.endless) of \(figure.episodes) never leave") }
        if figure.unnoticed > 0 { faults.append("\(figure.unnoticed) of \(figure.episodes) are never noticed") }
        if figure.unrecorded > 0 { faults.append("\(figure.unrecorded) verdicts left no audit event") }
        if figure.shared > 0, [.ahead, .poll].contains(strategy), owner == .days, figure.mean > 0.5 {
            faults.append("who fetches ahead or polls is not noticed at the owner's next refresh")
        }
        return faults
    }

    private func control(_ flaw: RotationFlaw, _ owner: Owner, _ strategy: Strategy) async throws {
        let start = ContinuousClock().systemNow
        let follower = Follower(owner, strategy, atOnce: false, flaw: flaw)
        let figure = try await follower.run(seed..<seed + (strategy == .poll ? 4 : 40), inShares: 2)
        var report = TrialReport()
        report.rounds = figure.episodes
        for fault in faults(figure, owner, strategy) { report.violate(fault) }
        try Outcome.showControl("\(flaw.rawValue), \(owner), \(strategy)", report, since: start)
    }
}

extension Follower {
    /// Splits the episodes among the processors.
    fileprivate func run(_ seeds: Range<UInt64>, inShares shares: UInt64) async throws -> FollowFigure {
        try await withThrowingTaskGroup(of: FollowFigure.self) { group in
            for share in 0..<shares {
                let size = (UInt64(seeds.count) + shares - 1) / shares
                let lower = min(seeds.upperBound, seeds.lowerBound + share * size)
                group.addTask { try await run(lower..<min(seeds.upperBound, lower + size)) }
            }
            return try await group.reduce(into: FollowFigure()) { $0.add($1) }
        }
    }
}

extension String {
    fileprivate func padded(to length: Int) -> String { self + String(repeating: " ", count: max(0, length - count)) }
}
