import SessionEngine
import SessionService
import TestSupport

/// Random lives of honest clients with one to five tabs, with and without a lock, at CDI 5.5 and older, 5.6 and both, while
/// the network loses, delays, doubles and reorders what they send.
///
/// No one may be accused or lose a session by it.
public struct Schedules: Sendable {
    /// What is wrong on purpose.
    public enum Mistake: Sendable {
        /// Every refresh makes another successor, as SuperTokens' core does.
        case randomSuccessors
        /// A part of the rule is missing.
        case flaw(RotationFlaw)
    }

    /// The flaws that accuse honest clients, which this trial therefore has to find.
    public static let mustFind: [RotationFlaw] = [.oldRule, .shutByUse]

    private let mistake: Mistake?

    /// Schedules under the rule, or under a mistake.
    public init(_ mistake: Mistake? = nil) {
        self.mistake = mistake
    }

    /// Runs one schedule of several periods for each seed.
    public func run(_ seeds: Range<UInt64>) async throws -> TrialReport {
        var report = TrialReport()
        var world: TrialWorld?
        for seed in seeds {
            // Many sessions share a world, because a key is dear; a new one now and then keeps the audit log short.
            let current: TrialWorld
            if let world, seed % 64 != 0 { current = world } else { current = try await makeWorld(seed) }
            world = current
            var random = SplitMix64(seed: seed)
            var client = try await HonestClient(current, &random)
            try await client.live(periods: 3)
            for sentence in client.broken { report.violate("seed \(seed), \(client.summary): \(sentence)") }
            report.rounds += 1
            report.faults += client.faults
            report.count("periods", client.periods)
            report.count("soft refusals", client.softRefusals)
        }
        return report
    }

    private func makeWorld(_ seed: UInt64) async throws -> TrialWorld {
        var policy = SessionPolicy.trial()
        policy.accessTokenValidity = .seconds(3_600)
        var storage = FlawedStorage()
        switch mistake {
        case .randomSuccessors?: policy.successorPolicy = .random
        case .flaw(let flaw)?: storage = FlawedStorage(flaw)
        case nil: break
        }
        return try await TrialWorld(seed: seed, policy: policy, storage: storage)
    }
}
