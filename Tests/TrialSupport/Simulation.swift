import SessionEngine
import SessionService
import Synchronization
import TestSupport

/// Service and storage in one thread, with a clock, dice, faults and an order of events that one number decides.
public final class Simulation: Sendable {
    /// What the seed decides about the whole run.
    struct Setting {
        let devices: Int
        /// One process, whose clock may be set; or two on a storage with a clock of its own, up to an hour off each.
        let nodes: Int
        let hasThief: Bool
        let hasChaos: Bool
    }

    private struct State {
        var random: SplitMix64
        var services: [SessionManager?]
        var skews: [Milliseconds]
        var trace: [String] = []
        var forwardSteps = 0
        var stolen: Set<SessionHandle> = []
        var jumped: Set<SessionHandle> = []
        var busy = 0
    }

    let executor: SeededExecutor
    let clock = TestClock()
    let storage: SimulatedStorage
    let setting: Setting
    private let seed: UInt64
    private let policy: SessionPolicy
    private let state: Mutex<State>

    private init(seed: UInt64, flaw: Flaw?) {
        var random = SplitMix64(seed: seed)
        setting = Setting(
            devices: Int.random(in: 1...3, using: &random), nodes: Int.random(in: 1...2, using: &random),
            hasThief: random.chance(percent: 40),
            hasChaos: random.chance(percent: 50))
        self.seed = seed
        executor = SeededExecutor(seed: seed ^ 0xE8EC)
        storage = SimulatedStorage(
            seed: seed, executor: executor, clock: clock, hasClock: setting.nodes > 1, flaw: flaw)
        // Long enough for every retry; steps of the clock go beyond it.
        policy = .trial(flaw == .randomChildren ? .random : .deterministic, gracePeriod: .seconds(300))
        let skews = (0..<2).map { _ in Milliseconds.seconds([-3_600, 0, 3_600].randomElement(using: &random) ?? 0) }
        state = Mutex(
            State(random: random, services: [nil, nil], skews: setting.nodes > 1 ? skews : [Milliseconds(0)]))
    }

    /// Runs one seed.
    ///
    /// - Returns: what was found, and everything that happened, in order.
    public static func run(seed: UInt64, flaw: Flaw? = nil) async throws -> (report: TrialReport, trace: [String]) {
        let simulation = Simulation(seed: seed, flaw: flaw)
        for node in 0..<simulation.setting.nodes { try await simulation.open(node, seed) }
        simulation.storage.setCalm(false)
        simulation.start()
        let pieces = simulation.executor.run()
        if pieces == nil { simulation.storage.ledger.violate(.i6, "a task waits for ever") }
        var report = simulation.storage.ledger.report
        report.rounds = 1
        report.count("pieces of work", pieces ?? 0)
        return (report, simulation.state.withLock { $0.trace })
    }

    /// Runs many seeds and names those that found something.
    public static func run(_ seeds: Range<UInt64>, flaw: Flaw? = nil) async throws -> TrialReport {
        var total = TrialReport()
        for seed in seeds {
            var report = try await run(seed: seed, flaw: flaw).report
            report.examples = report.examples.map { "seed \(seed): \($0)" }
            total.add(report)
        }
        return total
    }

    /// Opens the storage, as a process does that starts.
    private func open(_ node: Int, _ seed: UInt64) async throws {
        let world = try await TrialWorld(
            seed: seed ^ UInt64(node) << 48, policy: policy, storage: storage, clock: clock,
            skew: { [self] in state.withLock { $0.skews[node] } })
        state.withLock { $0.services[node] = world.service }
    }

    private func start() {
        state.withLock { $0.busy = setting.devices }
        for number in 0..<setting.devices {
            executor.start { [self] in
                await Device(self, number).live()
                state.withLock { $0.busy -= 1 }
            }
        }
        if setting.hasChaos { executor.start { [self] in await chaos() } }
    }

    /// Steps of the clock, restarts, and an administrator.
    private func chaos() async {
        for number in 0..<200 where state.withLock({ $0.busy > 0 }) {
            for _ in 0..<Int(random { Int.random(in: 5...40, using: &$0) }) { await executor.pause() }
            switch random({ Int.random(in: 0..<6, using: &$0) }) {
            case 0: step(.seconds(3_600))
            case 1: step(.seconds(-3_600))
            case 2, 3:
                note("restart")
                storage.ledger.fault()
                // Other dice than before, or the same handles would be made again.
                let seed = seed ^ UInt64(number + 1) << 32
                // A start reads keys and writes nothing; it does not fail here, because no one could continue.
                try? await open(random { Int.random(in: 0..<setting.nodes, using: &$0) }, seed)
            case 4:
                _ = try? await service()?.removeExpiredSessions(atMost: 10)
            default:
                let user = UserID("u\(random { Int.random(in: 0..<4, using: &$0) })")
                let ended = try? await service()?.revokeAll(of: user)
                note("revoke all of \(user.rawValue): \(ended.map { $0.count } ?? -1)")
            }
        }
    }

    private func step(_ span: Milliseconds) {
        if setting.nodes > 1 {
            let node = random { Int.random(in: 0..<2, using: &$0) }
            note("the clock of node \(node) is \(span.count / 1_000) s off")
            storage.ledger.fault()
            return state.withLock { $0.skews[node] = span }
        }
        note("clock \(span.count / 1_000) s")
        storage.ledger.fault()
        clock.advance(by: span)
        if span > Milliseconds(0) { state.withLock { $0.forwardSteps += 1 } }
    }

    // What devices and thieves use.

    /// A node, any of them.
    func service() -> SessionManager? {
        let node = random { Int.random(in: 0..<setting.nodes, using: &$0) }
        return state.withLock { $0.services[node] }
    }

    /// How often the clock has jumped ahead; a grace that such a jump ended is no one's mistake.
    var forwardSteps: Int { state.withLock { $0.forwardSteps } }

    func random<Result>(_ choose: (inout SplitMix64) -> Result) -> Result {
        var generator = state.withLock { $0.random }
        defer { state.withLock { $0.random = generator } }
        return choose(&generator)
    }

    func chance(percent: Int) -> Bool { random { $0.chance(percent: percent) } }

    func note(_ what: String) { state.withLock { $0.trace.append(what) } }

    func markStolen(_ handle: SessionHandle) { state.withLock { _ = $0.stolen.insert(handle) } }

    /// The clock jumped ahead during a refresh, so that a request of it may have come after the grace.
    func markJumped(_ handle: SessionHandle) { state.withLock { _ = $0.jumped.insert(handle) } }

    func hasJumped(_ handle: SessionHandle) -> Bool { state.withLock { $0.jumped.contains(handle) } }

    func isStolen(_ handle: SessionHandle) -> Bool { state.withLock { $0.stolen.contains(handle) } }

    /// Time goes by a little.
    func pass() async {
        clock.advance(by: Milliseconds(random { Int64.random(in: 0...200, using: &$0) }))
        await executor.pause()
    }
}
