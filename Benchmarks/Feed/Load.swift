import Foundation
import SessionEngine
import Synchronization
import TesseraRemoteCore
import TesseraSessions

/// Verifiers that verify at a rate while sessions end at another: how long an ended session is accepted, whether a living one
/// is ever refused, what a verification asks and costs.
struct Load {
    let options: Options

    init(_ options: Options) { self.options = options }

    /// What ended, for all verifiers; each forgets what it has refused.
    private final class Ended: Sendable {
        struct Session: Sendable {
            let token: String
            let returned: ContinuousClock.Instant
        }
        let sessions = Mutex<[Session]>([])
    }

    private struct Tally: Sendable {
        var verifications = 0
        var delays = Delays()
        var wrong = 0
        var unavailable = 0
    }

    func run() async throws -> Figures {
        let count = options.number("verifiers", 10)
        let verifiers = try (0..<count).map { number in
            try Verifier(options.each[number % options.each.count], .on(FeedPolicy(whenSilent: .reject)))
        }
        let living = try await verifiers[0].living(options.number("living", 1_000))
        for verifier in verifiers { try await verifier.becomesFresh(with: living[0]) }
        let costs = try await Cost.compared(options.cores, verifiers[0], living)
        let questions = verifiers.reduce(0) { $0 + $1.wire.questions }
        let (ended, seconds) = (Ended(), Double(options.number("seconds", 60)))
        let (start, used) = (Moment(), Used.processor)
        let cores = options.each
        let tallies = try await withThrowingTaskGroup(of: Tally?.self) { group in
            let (rate, revocations) = (options.number("rate", 20_000) / count, options.number("revocations", 100))
            for verifier in verifiers {
                group.addTask { await Self.verify(verifier, living, ended, rate, until: seconds + 3) }
            }
            for number in 0..<4 {
                group.addTask {
                    let core = try Verifier(cores[number % cores.count], .off)
                    defer { core.stop() }
                    try await Self.revoke(core, ended, rate: Double(revocations) / 4, for: seconds)
                    return nil
                }
            }
            var all: [Tally] = []
            for try await tally in group { if let tally { all.append(tally) } }
            return all
        }
        let took = start.seconds
        let total = tallies.reduce(into: Tally()) { total, tally in
            total.verifications += tally.verifications
            total.delays.add(tally.delays)
            total.wrong += tally.wrong
            total.unavailable += tally.unavailable
        }
        let whole = ended.sessions.withLock(\.count)
        for verifier in verifiers { verifier.stop() }
        return Figures(value: [
            "ended": whole, "verifications": total.verifications, "perSecond": Double(total.verifications) / took,
            "delays": total.delays.summary, "missing": whole * count - total.delays.count,
            "falselyRefused": total.wrong,
            "unavailable": total.unavailable,
            "questions": verifiers.reduce(0) { $0 + $1.wire.questions } - questions,
            "processorSeconds": Used.processor - used, "seconds": took, "cost": costs,
        ])
    }

    /// Verifies at a rate: first what has ended and is still accepted, then what lives.
    private static func verify(
        _ verifier: Verifier, _ living: [String], _ ended: Ended, _ rate: Int, until seconds: Double
    ) async -> Tally {
        var (tally, open, known, next) = (Tally(), [Ended.Session](), 0, Int.random(in: 0..<living.count))
        let start = Moment()
        while start.seconds < seconds {
            let due = Int(start.seconds * Double(rate))
            let new = ended.sessions.withLock { Array($0[known...]) }
            open += new
            known += new.count
            var isDone: [Int] = []
            for (index, session) in open.enumerated() {
                tally.verifications += 1
                if await verifier.verdict(session.token) == .ended {
                    tally.delays.add(Moment.seconds(ContinuousClock.now - session.returned))
                    isDone.append(index)
                }
            }
            for index in isDone.reversed() { open.remove(at: index) }
            while tally.verifications < due {
                next = (next + 1) % living.count
                tally.verifications += 1
                switch await verifier.verdict(living[next]) {
                case .accepted: break
                case .unavailable: tally.unavailable += 1
                case .ended, .refused: tally.wrong += 1
                }
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return tally
    }

    /// Creates sessions and ends them.
    private static func revoke(_ core: Verifier, _ ended: Ended, rate: Double, for seconds: Double) async throws {
        let start = Moment()
        var count = 0
        while start.seconds < seconds {
            let session = try await core.sessions.create(userID: UserID("ending-\(count)"))
            let token = session.accessToken
            _ = try await core.sessions.revoke([session.handle])
            let now = ContinuousClock.now
            ended.sessions.withLock { $0.append(.init(token: token, returned: now)) }
            count += 1
            let pause = Double(count) / rate - start.seconds
            if pause > 0 { try await Task.sleep(for: .seconds(pause)) }
        }
    }
}

/// What a verification costs with the feed and without, in one run.
enum Cost {
    /// Microseconds of the processor for a verification, in turns so that both have the same machine.
    static func compared(_ cores: String, _ with: Verifier, _ tokens: [String]) async throws -> [String: Any] {
        let without = try Verifier(cores, .off)
        defer { without.stop() }
        var (plain, fed): ([Double], [Double]) = ([], [])
        for _ in 0..<21 {
            plain.append(try await one(without, tokens))
            fed.append(try await one(with, tokens))
        }
        let differences = zip(plain, fed).map { $1 - $0 }
        return ["without": median(plain), "with": median(fed), "difference": median(differences)]
    }

    private static func one(_ verifier: Verifier, _ tokens: [String]) async throws -> Double {
        let start = Used.processor
        for token in tokens {
            guard await verifier.verdict(token) == .accepted else { throw Problem("a living session was refused") }
        }
        return (Used.processor - start) * 1e6 / Double(tokens.count)
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
