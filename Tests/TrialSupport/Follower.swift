import PlatformLibC
import SessionEngine
import SessionService
import TestSupport

/// When the owner of a session comes again after the access token has expired.
public enum Owner: String, Sendable, CaseIterable {
    /// Within a second, and uses what he gets at once.
    case page
    /// Within a second, and uses what he gets 20 seconds later.
    case timer
    /// After ten minutes on average.
    case minutes
    /// After 0.2 to 5 days.
    case days
}

/// How an attacker with one copy of the owner's tokens goes about it.
public enum Strategy: String, Sendable, CaseIterable {
    /// Fetches the owner's next token once, as early as he can, and keeps it.
    case ahead
    /// Presents the token every ten seconds.
    case poll
    /// Presents it in all windows he can get where the owner is most likely.
    case target
    /// Presents it a second and a half after the known expiry.
    case after
}

/// How long attackers stay in step with owners.
public struct FollowFigure: Sendable {
    /// No episode.
    public init() {}

    /// Episodes in which a token was shared at all.
    public var shared = 0
    /// Periods in step after the first shared one, over all episodes.
    public var periods = 0
    /// Episodes; those that never ended; those in which a holder out of step was never noticed.
    public var episodes = 0, endless = 0, unnoticed = 0
    /// Episodes that ended with a verdict whose audit event is missing.
    public var unrecorded = 0

    /// The mean.
    public var mean: Double { shared == 0 ? 0 : Double(periods) / Double(shared) }

    /// Adds other episodes.
    public mutating func add(_ other: FollowFigure) {
        shared += other.shared
        periods += other.periods
        episodes += other.episodes
        endless += other.endless
        unnoticed += other.unnoticed
        unrecorded += other.unrecorded
    }
}

/// One copy of one refresh token, followed for up to 60 periods of the access token by virtual time.
public struct Follower: Sendable {
    /// The expected periods in step that the rule allows (docs/decisions/0019), with room for chance.
    public static func target(_ owner: Owner) -> Double { owner == .page || owner == .timer ? 2 : 1 }

    let owner: Owner
    let strategy: Strategy
    let atOnce: Bool
    let flaw: RotationFlaw?

    static let life = 3_600.0
    private static let day = 86_400.0
    private static let window = 60.0
    private static let grace = 30.0
    private static let silence = 120.0
    private static let sharedPart = 0.5

    /// An owner and an attacker, at CDI 5.6 if a refresh rotates at once.
    public init(_ owner: Owner, _ strategy: Strategy, atOnce: Bool, flaw: RotationFlaw? = nil) {
        self.owner = owner
        self.strategy = strategy
        self.atOnce = atOnce
        self.flaw = flaw
    }

    /// Runs an episode for each seed.
    public func run(_ seeds: Range<UInt64>, periods: Int = 60) async throws -> FollowFigure {
        var total = FollowFigure()
        for seed in seeds {
            var policy = SessionPolicy.trial()
            policy.accessTokenValidity = .seconds(Int64(Self.life))
            if flaw == .whole { policy.sharedJitter = 0 }
            let world = try await TrialWorld(seed: seed, policy: policy, storage: FlawedStorage(flaw))
            var episode = Episode(self, world, SplitMix64(seed: seed &* 31 &+ 7))
            total.add(try await episode.run(periods))
        }
        return total
    }

    /// From the end of the access token to the owner's refresh, in seconds.
    fileprivate func delay(_ random: inout SplitMix64) -> Double {
        switch owner {
        case .page, .timer: Double.random(in: 0.05...1, using: &random)
        case .minutes: -600 * log(Double.random(in: Double.leastNonzeroMagnitude..<1, using: &random))
        case .days: Double.random(in: 0.2...5, using: &random) * Self.day
        }
    }

    /// The lengths of the windows that one token gives to a caller who comes again and again.
    private var reach: [Double] {
        atOnce ? [Self.grace] : (0..<7).map { Self.window / Double(1 << $0) }
    }

    /// When the attacker presents the token that he shares with the owner, in this period.
    fileprivate func plan(
        from begin: Double, after last: Double, known: Double?, isShared: Bool, _ random: inout SplitMix64
    ) -> [Double] {
        let part = isShared ? Self.sharedPart : 0
        switch strategy {
        case .ahead: return [begin]
        case .poll: return (0..<Int(1.1 * Self.life / 10)).map { begin + 10 * Double($0) }
        case .after: return [(known ?? last + Self.life * (1 - part / 2)) + 1.5]
        case .target:
            var times: [Double]
            if let known, owner == .page || owner == .timer {
                times = [known + 1.5]
            } else {
                let sum = reach.reduce(0, +) + (atOnce ? Self.grace : Self.window)
                let start = known.map { $0 - Self.life } ?? last
                times = [bestStart(start, part, sum, &random) + (atOnce ? Self.grace : Self.window)]
            }
            if !atOnce { for length in reach.dropLast() { times.append((times.last ?? 0) + length + 0.01) } }
            return times
        }
    }

    /// Where so many seconds meet the owner most likely; the attacker knows everything but the random numbers.
    private func bestStart(_ last: Double, _ part: Double, _ cover: Double, _ random: inout SplitMix64) -> Double {
        let draws = (0..<200).map { _ in
            last + Self.life * (1 - part * Double.random(in: 0..<1, using: &random)) + delay(&random)
        }.sorted()
        var (best, at, first) = (0, draws[0], 0)
        for (index, draw) in draws.enumerated() {
            while draws[first] < draw - cover { first += 1 }
            if index - first + 1 > best { (best, at) = (index - first + 1, draws[first]) }
        }
        return at - 0.02
    }

    fileprivate static var whenLate: Double { max(window, silence) + 1 }
}

private struct Episode {
    private enum Actor { case owner, use, attacker }

    private let follower: Follower
    private let world: TrialWorld
    private var random: SplitMix64
    private let start: Timestamp

    init(_ follower: Follower, _ world: TrialWorld, _ random: SplitMix64) {
        self.follower = follower
        self.world = world
        self.random = random
        start = world.clock.now
    }

    /// What a period came to.
    private enum End { case inStep, noticed, unnoticed }

    private func seconds(_ time: Timestamp) -> Double { Double((time - start).count) / 1_000 }

    private func present(_ tokens: IssuedTokens, at time: Double) async throws -> RefreshResult {
        let moment = start + Milliseconds(Int64(time * 1_000))
        if moment > world.clock.now { world.clock.set(moment) }
        return try await world.refresh(tokens.refreshToken, atOnce: follower.atOnce)
    }

    mutating func run(_ periods: Int) async throws -> FollowFigure {
        var figure = FollowFigure()
        figure.episodes = 1
        var token = try await world.create()
        var end = seconds(token.accessToken.expiresAt)
        // The copy has the owner's own access token in it.
        var known: Double? = end
        var begin = Double.random(in: 0..<end, using: &random)
        var (last, isShared) = (0.0, false)
        for _ in 0..<periods {
            let comes = end + follower.delay(&random)
            let uses = comes + (follower.owner == .timer ? 20 : 0.01)
            let plan = follower.plan(from: begin, after: last, known: known, isShared: isShared, &random)
            let (result, next) = try await period(token, comes, uses, plan.filter { $0 >= begin })
            guard result == .inStep, let (next, expiry) = next else {
                if result == .unnoticed { figure.unnoticed += 1 } else { figure.unrecorded += try await missing(token) }
                return figure
            }
            if isShared { figure.periods += 1 } else { figure.shared = 1 }
            isShared = true
            (token, last, begin) = (next, comes, uses + 1)
            end = seconds(expiry)
            let isWhole = end - comes > Follower.life - 1
            known = isWhole ? end : nil
        }
        figure.endless = 1
        return figure
    }

    /// 1 when a verdict left no event.
    private func missing(_ token: IssuedTokens) async throws -> Int {
        try await world.auditLog(of: token.session.handle).contains { $0.name == .reuseDetected } ? 0 : 1
    }

    /// One period of the owner's access token; in step is who holds the owner's new token after it.
    private mutating func period(
        _ token: IssuedTokens, _ comes: Double, _ uses: Double, _ plan: [Double]
    ) async throws -> (End, (IssuedTokens, Timestamp)?) {
        var events = plan.map { ($0, Actor.attacker) } + [(comes, .owner), (uses, .use)]
        events.sort { $0.0 < $1.0 }
        var (held, isQuiet) = ([IssuedTokens](), false)
        var child: IssuedTokens?
        var expiry = start
        for (time, actor) in events {
            switch actor {
            case .owner:
                let answer = try await insist(token, at: time)
                guard let tokens = answer.tokens else { return (answer.isVerdict ? .noticed : .unnoticed, nil) }
                (child, expiry) = (tokens, tokens.accessToken.expiresAt)
            case .use: expiry = try await used(child, at: time) ?? expiry
            case .attacker:
                let isDone = child.map { child in
                    held.contains { $0.refreshToken.exposed == child.refreshToken.exposed }
                }
                guard !isQuiet, isDone != true else { continue }
                let result = try await present(token, at: time)
                if result.isVerdict { return (.noticed, nil) }
                if let tokens = result.tokens { held.append(tokens) } else { isQuiet = true }
            }
        }
        guard let child else { return (.noticed, nil) }
        if held.contains(where: { $0.refreshToken.exposed == child.refreshToken.exposed }) {
            return (.inStep, (child, expiry))
        }
        return (try await outOfStep(held.isEmpty ? [token] : held, child, comes), nil)
    }

    /// He is out; whatever he presents now has to be seen, or the owner's next refresh.
    private func outOfStep(_ held: [IssuedTokens], _ child: IssuedTokens, _ comes: Double) async throws -> End {
        for token in held {
            if try await insist(token, at: comes + Follower.whenLate).isVerdict { return .noticed }
        }
        return try await insist(child, at: comes + Follower.life).isVerdict ? .noticed : .unnoticed
    }

    /// Presents a token, and once more after the silence if it is refused softly.
    private func insist(_ tokens: IssuedTokens, at time: Double) async throws -> RefreshResult {
        let first = try await present(tokens, at: time)
        guard case .tooLate = first else { return first }
        return try await present(tokens, at: time + Follower.whenLate)
    }

    /// The first verification, as drivers of CDI 5.5 and older do; gives the expiry of the access token that takes the
    /// place of the first one.
    private func used(_ child: IssuedTokens?, at time: Double) async throws -> Timestamp? {
        guard let child, !follower.atOnce else { return nil }
        world.clock.set(start + Milliseconds(Int64(time * 1_000)))
        let request = PresentedAccessToken(accessToken: child.accessToken.exposed)
        guard case .valid(_, let replacement?, _) = try await world.service.verify(request) else { return nil }
        return replacement.expiresAt
    }
}

extension RefreshResult {
    /// Whether it is told as theft.
    fileprivate var isVerdict: Bool { if case .reuseDetected = self { true } else { false } }
}
