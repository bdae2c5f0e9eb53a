import Foundation
import SessionEngine
import TesseraRemoteCore
import TesseraSessions

/// The feed falls silent while its cores answer all else: what they are asked then, what requests get, and whether refreshes
/// become slower.
struct Silence {
    let options: Options

    init(_ options: Options) { self.options = options }

    private struct Tally: Sendable {
        var verdicts: [Verdict: Int] = [:]
        var firstQuestion: Double?
    }

    func run() async throws -> Figures {
        let count = options.number("verifiers", 10)
        let verifiers = try (0..<count).map { number in
            try Verifier(options.each[number % options.each.count], .on())
        }
        let living = try await verifiers[0].living(options.number("living", 1_000))
        for verifier in verifiers { try await verifier.becomesFresh(with: living[0]) }
        let rate = options.number("rate", 20_000)
        let calm = try await phase(verifiers, living, rate, seconds: Double(options.number("before", 20)))
        for verifier in verifiers { verifier.wire.cut(true) }
        let silent = try await phase(verifiers, living, rate, seconds: Double(options.number("seconds", 600)))
        for verifier in verifiers { verifier.wire.cut(false) }
        let start = Moment()
        try await withThrowingTaskGroup { group in
            for verifier in verifiers { group.addTask { try await verifier.becomesFresh(with: living[0]) } }
            try await group.waitForAll()
        }
        let again = start.seconds
        for verifier in verifiers { verifier.stop() }
        return Figures(value: ["calm": calm.value, "silent": silent.value, "freshAgainAfter": again])
    }

    /// Verifies at a rate for a while, and refreshes beside it.
    private func phase(_ verifiers: [Verifier], _ living: [String], _ rate: Int, seconds: Double) async throws
        -> Figures
    {
        let before = verifiers.map(\.wire.questions)
        let start = Moment()
        let cores = options.cores
        async let refreshes = Self.refresh(cores, for: seconds)
        let tallies = await withTaskGroup(of: Tally.self) { group in
            for (number, verifier) in verifiers.enumerated() {
                let before = before[number]
                group.addTask { await Self.verify(verifier, living, rate / verifiers.count, before, until: seconds) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let took = start.seconds
        let asked = zip(verifiers, before).map { $0.wire.questions - $1 }
        func sum(_ verdict: Verdict) -> Int { tallies.reduce(0) { $0 + ($1.verdicts[verdict] ?? 0) } }
        let first = tallies.compactMap(\.firstQuestion)
        return Figures(value: [
            "seconds": took, "questions": asked.reduce(0, +),
            "mostQuestionsOfOnePerSecond": Double(asked.max() ?? 0) / took,
            "accepted": sum(.accepted), "unavailable": sum(.unavailable), "falselyRefused": sum(.ended) + sum(.refused),
            "firstQuestions": [first.min() ?? -1, first.max() ?? -1], "refreshes": try await refreshes.summary,
        ])
    }

    private static func verify(
        _ verifier: Verifier, _ living: [String], _ rate: Int, _ questions: Int, until seconds: Double
    ) async -> Tally {
        var (tally, next, done) = (Tally(), Int.random(in: 0..<living.count), 0)
        let start = Moment()
        // A request that waits for a core's answer holds back no other.
        await withTaskGroup(of: Verdict.self) { group in
            while start.seconds < seconds {
                let due = Int(start.seconds * Double(rate))
                while done < due {
                    done += 1
                    next = (next + 1) % living.count
                    let token = living[next]
                    group.addTask { await verifier.verdict(token) }
                }
                while let verdict = await group.next() { tally.verdicts[verdict, default: 0] += 1 }
                if tally.firstQuestion == nil, verifier.wire.questions > questions {
                    tally.firstQuestion = start.seconds
                }
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        return tally
    }

    /// Twenty refreshes a second: how long each takes.
    private static func refresh(_ cores: String, for seconds: Double) async throws -> Delays {
        let core = try Verifier(cores, .off)
        defer { core.stop() }
        var session = try await core.sessions.create(userID: UserID("refreshing"))
        var delays = Delays()
        let start = Moment()
        while start.seconds < seconds {
            guard let token = session.refreshToken else { throw Problem("there is no refresh token") }
            let begun = Moment()
            session = try await core.sessions.refresh(refreshToken: token)
            delays.add(begun.seconds)
            try await Task.sleep(for: .milliseconds(50))
        }
        return delays
    }
}
