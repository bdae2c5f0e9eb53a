public import SessionEngine
import SessionService
import SessionStorageTesting
import TestSupport

/// Random schedules of simultaneous refreshes of one token, with replies lost, duplicated and reordered.
///
/// Nobody may lose a session by them, and a thief who comes with the parent afterwards is caught once.
public struct Schedules: Sendable {
    private let succession: Refresh.Succession

    /// Schedules with children of one kind.
    public init(_ succession: Refresh.Succession) {
        self.succession = succession
    }

    /// Runs one schedule for each seed.
    public func run(_ seeds: Range<UInt64>) async throws -> TrialReport {
        var report = TrialReport()
        var world: TrialWorld?
        for seed in seeds {
            // Many sessions share a world, because a key is dear; a new one now and then keeps the trail short.
            let current: TrialWorld
            if let world, seed % 64 != 0 {
                current = world
            } else {
                current = try await TrialWorld(seed: seed, policy: .trial(succession), storage: InMemoryStorage())
            }
            world = current
            var schedule = Schedule(world: current, random: SplitMix64(seed: seed))
            for sentence in try await schedule.run() { report.violate("seed \(seed): \(sentence)") }
            report.rounds += 1
            report.faults += schedule.faults
        }
        return report
    }
}

private struct Schedule {
    /// Which rules the callers speak.
    enum Callers: CaseIterable { case atFirstUse, atOnce, both }

    let world: TrialWorld
    var random: SplitMix64
    var faults = 0
    private var broken: [String] = []

    init(world: TrialWorld, random: SplitMix64) {
        self.world = world
        self.random = random
    }

    mutating func run() async throws -> [String] {
        let callers = Callers.allCases.randomElement(using: &random) ?? .both
        let first = try await world.create(antiCSRF: Bool.random(using: &random))
        var held = Array(repeating: first, count: Int.random(in: 2...8, using: &random))
        // Some requests arrive twice, all in any order, and so do the replies.
        var requests = Array(held.indices)
        for caller in held.indices where random.chance(percent: 20) {
            requests.append(caller)
            faults += 1
        }
        var replies: [(caller: Int, tokens: IssuedTokens)] = []
        for caller in requests.shuffled(using: &random) {
            world.clock.advance(by: Milliseconds(Int64.random(in: 0...1_500, using: &random)))
            guard let tokens = try await present(first, atOnce: speaksAtOnce(callers), "a refresh at once") else {
                continue
            }
            if random.chance(percent: 30) { faults += 1 } else { replies.append((caller, tokens)) }
        }
        for reply in replies.shuffled(using: &random) { held[reply.caller] = reply.tokens }
        try await goOn(first, held, callers)
        return broken
    }

    /// Every token that somebody holds still refreshes; then the parent is theft, once.
    private mutating func goOn(_ first: IssuedTokens, _ held: [IssuedTokens], _ callers: Callers) async throws {
        if held.contains(where: { $0.refreshToken.text == first.refreshToken.text }) {
            _ = try await present(first, atOnce: speaksAtOnce(callers), "the parent, still held")
        }
        var seen: Set<String> = [first.refreshToken.text]
        var hasChild = false
        for tokens in held where seen.insert(tokens.refreshToken.text).inserted {
            hasChild = true
            _ = try await present(tokens, atOnce: speaksAtOnce(callers), "a child, still held")
        }
        if !hasChild, let child = try await present(first, atOnce: speaksAtOnce(callers), "the parent") {
            _ = try await present(child, atOnce: speaksAtOnce(callers), "its child")
        }
        let trail = try await world.trail(of: first.session.handle).map(\.name)
        if trail.contains(where: { ![.created, .refreshed].contains($0) }) {
            broken.append("a session was revoked: \(trail)")
        }
        for attempt in 0..<2 {
            let atOnce = speaksAtOnce(callers)
            let result = try await world.refresh(first.refreshToken, first.antiCSRFToken, atOnce: atOnce)
            let isRight = attempt == 0 ? result.word.hasPrefix("reuse") : result.word == "unauthorised(sessionEnded)"
            if !isRight { broken.append("the used-up parent, time \(attempt): \(result.word)") }
        }
        let thefts = try await world.trail(of: first.session.handle).count { $0.name == .reuseDetected }
        if thefts != 1 { broken.append("\(thefts) records of theft") }
        if try await world.service.session(first.session.handle) != nil { broken.append("a stolen session lives") }
    }

    private mutating func present(
        _ tokens: IssuedTokens, atOnce: Bool, _ what: String
    ) async throws -> IssuedTokens? {
        let result = try await world.refresh(tokens.refreshToken, tokens.antiCSRFToken, atOnce: atOnce)
        if result.tokens == nil { broken.append("\(what): \(result.word)") }
        return result.tokens
    }

    private mutating func speaksAtOnce(_ callers: Callers) -> Bool {
        switch callers {
        case .atFirstUse: false
        case .atOnce: true
        case .both: Bool.random(using: &random)
        }
    }
}
