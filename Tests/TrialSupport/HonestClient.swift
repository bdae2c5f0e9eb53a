import SessionEngine
import SessionService
import SessionStorage
import TestSupport

/// How a network treats what it carries.
struct Network: Sendable {
    let name: String
    /// Of refreshes, half of them on the way back.
    let lost: Double
    /// Of ways: up to ``longest`` on top.
    let hangs: Double
    /// Of requests: delivered a second time, up to ``longest`` later.
    let doubled: Double
    /// After a lost refresh: nothing for two minutes to three days.
    let offline: Double
    /// The longest way, in ms.
    let longest: Double = 30_000

    static let all = [
        Network(name: "good", lost: 0.01, hangs: 0.0005, doubled: 0.001, offline: 0.3),
        Network(name: "mobile", lost: 0.05, hangs: 0.01, doubled: 0.01, offline: 0.3),
        Network(name: "bad", lost: 0.2, hangs: 0.05, doubled: 0.05, offline: 0.5),
    ]
}

/// One cookie jar, and one or five tabs that share it; the last write wins.
///
/// Messages are lost, late and doubled, also after the new token was used, within what the rule promises for: at most the
/// length of the window that is open, both ways together.
struct HonestClient {
    enum Rule: CaseIterable, Sendable { case atFirstUse, atOnce, both }

    private enum Event {
        case wake(IssuedTokens)
        case want(IssuedTokens, tries: Int)
        case again(IssuedTokens, tries: Int)
        case arrive(Call)
        case reply(to: Call, IssuedTokens?)
        case use(IssuedTokens)
    }

    private struct Call {
        let token: IssuedTokens
        let atOnce: Bool
        /// Whether the reply is lost; whether there is somebody who waits for one.
        let isLost, isWaitedFor: Bool
    }

    private let world: TrialWorld
    private let network: Network
    private let tabs: Int
    private let hasLock: Bool
    private let rule: Rule
    private var random: SplitMix64
    private var queue: [(time: Int64, number: Int, event: Event)] = []
    private var events = 0
    private var jar: IssuedTokens
    private var isBusy = false
    private var lossesInARow = 0
    private(set) var periods = 0
    private(set) var softRefusals = 0
    private(set) var faults = 0
    private(set) var broken: [String] = []

    init(_ world: TrialWorld, _ random: inout SplitMix64) async throws {
        self.world = world
        network = Network.all.randomElement(using: &random) ?? Network.all[0]
        tabs = Bool.random(using: &random) ? 1 : Int.random(in: 2...5, using: &random)
        hasLock = Bool.random(using: &random)
        rule = Rule.allCases.randomElement(using: &random) ?? .both
        jar = try await world.create()
        self.random = SplitMix64(seed: random.next())
        plan(jar)
    }

    var summary: String { "\(network.name), \(tabs) tabs, \(hasLock ? "lock" : "no lock"), \(rule)" }

    /// Lives until a number of periods have begun, and then until nothing is on its way.
    mutating func live(periods most: Int) async throws {
        while let next = take(), broken.isEmpty {
            if case .wake = next.event, periods >= most { continue }
            world.clock.set(Timestamp(milliseconds: max(next.time, world.clock.now.milliseconds)))
            try await handle(next.event)
        }
        guard broken.isEmpty else { return }
        let last = try await world.refresh(jar.refreshToken, atOnce: rule == .atOnce)
        if last.tokens == nil { broken.append("what is in the jar at the end: \(last.word)") }
        let names = try await world.auditLog(of: jar.session.handle).map(\.name)
        if names.contains(where: { ![.created, .refreshed, .latePredecessor].contains($0) }) {
            broken.append("the audit log says \(names.map(\.rawValue))")
        }
    }

    private mutating func at(_ time: Int64, _ event: Event) {
        events += 1
        queue.append((time, events, event))
    }

    private mutating func take() -> (time: Int64, number: Int, event: Event)? {
        guard
            let first = queue.indices.min(by: {
                (queue[$0].time, queue[$0].number) < (queue[$1].time, queue[$1].number)
            })
        else { return nil }
        return queue.remove(at: first)
    }

    private var now: Int64 { world.clock.now.milliseconds }
    private mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }
    private mutating func uniform(_ low: Double, _ high: Double) -> Double {
        Double.random(in: low...high, using: &random)
    }

    /// One way, in ms: mostly 30 to 300, sometimes as long as is promised for.
    private mutating func way(_ longest: Double) -> Int64 {
        var time = 30 * (uniform(1, 3) * uniform(1, 3))
        if chance(network.hangs) {
            time += uniform(0, longest)
            faults += 1
        }
        return Int64(min(time, longest))
    }

    /// When the tabs want new tokens: mostly at once, sometimes after hours or days.
    private mutating func plan(_ tokens: IssuedTokens) {
        let pause: Double =
            switch uniform(0, 1) {
            case ..<0.6: uniform(0, 1)
            case ..<0.85: uniform(1, 1_800)
            case ..<0.95: uniform(0.5, 12) * 3_600
            default: uniform(1, 9) * 86_400
            }
        at(tokens.accessToken.expiresAt.milliseconds + Int64(pause * 1_000), .wake(tokens))
    }

    private mutating func handle(_ event: Event) async throws {
        switch event {
        case .wake(let token):
            guard isCurrent(token) else { return }
            periods += 1
            let callers = chance(0.5) ? 1 : tabs
            for _ in 0..<callers { at(now + Int64(uniform(0, 1_500)), .want(token, tries: 0)) }
        case .want(let token, let tries): try await want(token, tries)
        case .again(let token, let tries):
            isBusy = false
            if isCurrent(token), chance(0.3) {
                for _ in 1..<max(tabs, 2) where tabs > 1 {
                    at(now + Int64(uniform(0, 800)), .want(token, tries: tries))
                }
            }
            try await want(token, tries)
        case .arrive(let call): try await arrive(call)
        case .reply(let call, let tokens): reply(call, tokens)
        case .use(let tokens):
            let request = PresentedAccessToken(accessToken: tokens.accessToken.exposed)
            switch try await world.service.verify(request) {
            case .valid, .tryRefresh: break
            case let other: broken.append("a verification: \(other)")
            }
        }
    }

    private func isCurrent(_ token: IssuedTokens) -> Bool { jar.refreshToken.exposed == token.refreshToken.exposed }

    /// The longest way that is promised for: half the window that will be open, less the sum of both copies' delays.
    private func longest() async throws -> Double {
        if rule != .atFirstUse { return 3_000 }
        let record = try await world.service.session(jar.session.handle)
        guard let window = record?.storedSharing?.window else { return network.longest }
        return network.longest / Double(1 << min(Int(window.number) + 1, 8))
    }

    private mutating func want(_ token: IssuedTokens, _ tries: Int) async throws {
        guard isCurrent(token), !(hasLock && isBusy) else { return }
        isBusy = true
        let longest = try await longest()
        let isDoubled = chance(network.doubled)
        let isLost = chance(network.lost) && lossesInARow < 4
        let isLostOnTheWay = isLost && chance(0.5)
        lossesInARow = isLost ? lossesInARow + 1 : 0
        let atOnce = rule == .atOnce || (rule == .both && chance(0.5))
        if isDoubled { faults += 1 }
        for copy in 0..<(isDoubled ? 2 : 1) where copy > 0 || !isLostOnTheWay {
            let delay = way(longest) + (copy > 0 ? Int64(uniform(0, longest)) : 0)
            let call = Call(token: token, atOnce: atOnce, isLost: isLost && copy == 0, isWaitedFor: copy == 0)
            at(now + delay, .arrive(call))
        }
        guard isLost else { return }
        faults += 1
        at(now + pause(tries), .again(token, tries: tries + 1))
    }

    /// How long a client waits before it tries again, in ms; at CDI 5.6 it has its answer within the grace period.
    private mutating func pause(_ tries: Int) -> Int64 {
        if rule != .atFirstUse { return Int64(uniform(500, 1_500)) }
        if chance(network.offline) { return Int64(uniform(120, 86_400 * 3) * 1_000) }
        return Int64(min(2_000 * Double(1 << min(tries, 4)), 30_000) * uniform(1, 2))
    }

    private mutating func arrive(_ call: Call) async throws {
        let result = try await world.refresh(call.token.refreshToken, atOnce: call.atOnce)
        switch result {
        case .refreshed, .tooLate: break
        case .unauthorised, .proofNeeded, .deviceNotYet, .reuseDetected: broken.append("a refresh: \(result.word)")
        }
        guard call.isWaitedFor, !call.isLost else { return }
        at(now + way(try await longest()), .reply(to: call, result.tokens))
    }

    private mutating func reply(_ call: Call, _ tokens: IssuedTokens?) {
        isBusy = false
        guard let tokens else {
            softRefusals += 1
            // By now the jar has what another tab was given; if not, the tab comes again.
            if isCurrent(call.token) { at(now + 1_000, .want(call.token, tries: 1)) }
            return
        }
        let isNew = !isCurrent(tokens)
        jar = tokens
        if isNew { plan(tokens) }
        if !call.atOnce, chance(0.8) { at(now + Int64(uniform(30, 300)), .use(tokens)) }
    }
}
