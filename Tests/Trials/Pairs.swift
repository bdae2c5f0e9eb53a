import ArgumentParser
import Foundation
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import Synchronization
import TestSupport
import TrialSupport

/// Experiment E-02: two operations race on one session, in every pair.
struct PairsTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pairs", abstract: "Every pair of operations races on one session (E-02).")

    @Option(help: "How many rounds for each pair.") var rounds = 10_000
    @Option(help: "The folder of the database; a file system in memory is faster.") var folder: String?

    private static let lanes = 16

    func run() async throws {
        let start = ContinuousClock().systemNow
        print(
            "\(RaceOperation.pairs.count) pairs, \(rounds) rounds each, two rules, delays between reading and writing")
        var total = TrialReport()
        for pair in RaceOperation.pairs {
            let begun = ContinuousClock().systemNow
            let report = try await race(pair, rounds: rounds, isNaive: false)
            let name = "\(pair.0.rawValue) and \(pair.1.rawValue)"
            print(
                "  \(name): \(report.rounds) rounds, \(report.violations) violations, \(begun.duration(to: ContinuousClock().systemNow).components.seconds) s"
            )
            total.add(report)
        }
        try Outcome.show("pairs", total, since: start)
        let control = try await race((.refresh, .revoke), rounds: 2_000, isNaive: true)
        try Outcome.showControl("a storage that reads and writes in two steps", control, since: start)
    }

    /// Races in lanes, each with an app of its own, so that the lanes share nothing but the file.
    private func race(
        _ pair: (RaceOperation, RaceOperation), rounds: Int, isNaive: Bool
    ) async throws -> TrialReport {
        let temporary = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.map { "\($0)/\(UUID().uuidString)" } ?? temporary.path)
        return try await withThrowingTaskGroup(of: TrialReport.self) { group in
            for number in 0..<Self.lanes {
                group.addTask {
                    let sound = database.storage(of: AppID("lane-\(number)"))
                    let dice = TestDice(seed: UInt64(number))
                    let storage = RaceStorage(base: sound, isNaive: isNaive, dice: dice)
                    let lane = try await Lane(UInt64(number), storage, dice)
                    return try await lane.run(pair, rounds / Self.lanes)
                }
            }
            return try await group.reduce(into: TrialReport()) { $0.add($1) }
        }
    }
}

/// What can happen to a session.
enum RaceOperation: String, CaseIterable, Sendable {
    case refresh, revoke, revokeAll = "revoke-all", update, expiry

    /// Every pair, also of one with itself.
    static let pairs: [(RaceOperation, RaceOperation)] = allCases.enumerated().flatMap { index, first in
        allCases[index...].map { (first, $0) }
    }
}

/// One app with a clock of its own, where one race follows another.
private struct Lane {
    /// What a session is, to a naive reader.
    struct Model: Equatable {
        var isThere = true
        var payload = 0
        var isExtended = false
        var trail = ["created"]
    }

    let world: TrialWorld
    /// The same storage, seen by a process whose clock is a millisecond ahead: to it the session has ended.
    let later: TrialWorld
    let dice: TestDice

    init(_ seed: UInt64, _ storage: RaceStorage, _ dice: TestDice) async throws {
        world = try await TrialWorld(seed: seed, policy: .trial(), storage: storage)
        later = try await TrialWorld(seed: seed + 1_000, policy: .trial(), storage: storage, clock: TestClock())
        self.dice = dice
    }

    func run(_ pair: (RaceOperation, RaceOperation), _ rounds: Int) async throws -> TrialReport {
        var report = TrialReport()
        for round in 0..<rounds {
            let atOnce = round % 2 == 0
            if let sentence = try await race(pair, atOnce: atOnce, round) {
                report.violate("round \(round): \(sentence)")
            }
            report.rounds += 1
            report.faults += 2
        }
        return report
    }

    /// One race; the result names what no order of the two explains.
    private func race(
        _ pair: (RaceOperation, RaceOperation), atOnce: Bool, _ round: Int
    ) async throws -> String? {
        let user = "u\(round)"
        let tokens = try await world.create(user: user)
        let hasExpiry = pair.0 == .expiry || pair.1 == .expiry
        if hasExpiry { world.clock.advance(by: world.service.policy.refreshTokenValidity - Milliseconds(1)) }
        later.clock.set(world.clock.now + Milliseconds(1))
        async let first = perform(pair.0, tokens, user, atOnce, number: 1)
        async let second = perform(pair.1, tokens, user, atOnce, number: 2)
        let answers = [try await first, try await second]
        let record = try await world.storage.session(tokens.session.handle)
        let seen = Model(
            isThere: record != nil,
            payload: try record.flatMap { Int(try $0.accessTokenPayload.decoded()["n"]?.number?.int64 ?? -1) } ?? 0,
            isExtended: record.map { $0.expiresAt > tokens.refreshTokenExpiresAt } ?? false,
            trail: try await world.trail(of: tokens.session.handle).map(\.name.rawValue))
        _ = try await world.storage.remove(.handles([tokens.session.handle]), audit: nil)
        for order in [[0, 1], [1, 0]] where explains(order, pair, atOnce, answers, seen, hasExpiry) { return nil }
        return "\(pair.0) \(answers[0]), \(pair.1) \(answers[1]), then \(seen)"
    }

    private func explains(
        _ order: [Int], _ pair: (RaceOperation, RaceOperation), _ atOnce: Bool, _ answers: [String], _ seen: Model,
        _ hasExpiry: Bool
    ) -> Bool {
        var model = Model()
        for index in order {
            let answer = apply(index == 0 ? pair.0 : pair.1, to: &model, atOnce, number: index + 1, hasExpiry)
            if answer != answers[index] { return false }
        }
        if !model.isThere { (model.payload, model.isExtended) = (0, false) }
        return model == seen
    }

    /// What an operation does, one after the other.
    private func apply(
        _ operation: RaceOperation, to model: inout Model, _ atOnce: Bool, number: Int, _ hasExpiry: Bool
    ) -> String {
        guard model.isThere else {
            return operation == .refresh || operation == .update ? "ended" : "none"
        }
        switch operation {
        case .refresh:
            if atOnce, !model.trail.contains("refreshed") {
                model.trail.append("refreshed")
                model.isExtended = hasExpiry
            }
            return "ok"
        case .update:
            model.payload = number
            model.trail.append("data_changed")
            return "ok"
        case .revoke, .revokeAll:
            model.isThere = false
            model.trail.append("revoked")
            return "one"
        case .expiry:
            if model.isExtended { return "none" }
            model.isThere = false
            model.trail.append("revoked")
            return "one"
        }
    }

    private func perform(
        _ operation: RaceOperation, _ tokens: IssuedTokens, _ user: String, _ atOnce: Bool, number: Int
    ) async throws -> String {
        for _ in 0..<Int(dice.next() % 4) { await Task.yield() }
        switch operation {
        case .refresh:
            let result = try await world.refresh(tokens.refreshToken, atOnce: atOnce)
            return result.tokens == nil ? (result.word == "unauthorised(sessionEnded)" ? "ended" : result.word) : "ok"
        case .update:
            let isDone = try await world.service.replaceData(
                of: tokens.session.handle, accessTokenPayload: ["n": .integer(number)])
            return isDone ? "ok" : "ended"
        case .revoke: return word(try await world.service.revoke([tokens.session.handle]).count)
        case .revokeAll: return word(try await world.service.revokeAll(of: UserID(user)).count)
        case .expiry: return word(try await later.service.removeExpiredSessions(atMost: 100))
        }
    }

    private func word(_ count: Int) -> String { count == 0 ? "none" : count == 1 ? "one" : "\(count)" }
}
