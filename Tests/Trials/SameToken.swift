import ArgumentParser
import CoreServer
import Foundation
import Logging
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import TrialSupport

/// docs/specification/security.md E-01: 64 callers present one refresh token at one moment to a live core.
struct SameTokenTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "same-token", abstract: "64 callers present one refresh token at once, over sockets (E-01).")

    @Option(help: "How many rounds.") var rounds = 1_000
    @Option(help: "How many callers.") var callers = 64
    @Option(parsing: .upToNextOption, help: "The ports of nodes that run; without any a core is started.")
    var ports: [Int] = []

    func run() async throws {
        let start = ContinuousClock().systemNow
        if !ports.isEmpty {
            let (ports, callers, rounds) = (ports, callers, rounds)
            let report = try await Self.onItsOwnThread { try SameTokenRounds(ports, callers).run(rounds) }
            return try Outcome.show("same token, \(callers) callers, \(ports.count) nodes", report, since: start)
        }
        let report = try await Self.trial(rounds, callers, .trial(), isNaive: false)
        try Outcome.show("same token, \(callers) callers", report, since: start)
        let random = try await Self.trial(20, callers, .trial(.random), isNaive: false)
        try Outcome.showControl("random children", random, since: start)
        let naive = try await Self.trial(100, callers, .trial(), isNaive: true)
        try Outcome.showControl("a storage that reads and writes in two steps", naive, since: start)
    }

    /// Starts a core on a fresh folder and runs rounds against it.
    private static func trial(
        _ rounds: Int, _ callers: Int, _ policy: SessionPolicy, isNaive: Bool
    ) async throws -> TrialReport {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let sound = database.storage(of: .public)
        let storage: any SessionStorage =
            isNaive ? RacingStorage(base: sound, delays: Delays(seed: 0), isNaive: true) : sound
        let service = try await SessionManager(storage: storage, policy: policy)
        let logger = Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: logger)
        return try await withThrowingTaskGroup(of: TrialReport?.self) { group in
            let (ports, running) = AsyncStream.makeStream(of: Int.self)
            let server = CoreHTTPServer(api: api, host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }
            group.addTask {
                try await server.run()
                return nil
            }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            group.addTask { try await onItsOwnThread { try SameTokenRounds([port], callers).run(rounds) } }
            defer { group.cancelAll() }
            guard let report = try await group.next(), let report else {
                throw TrialFailure.other("the core ended before its callers")
            }
            return report
        }
    }

    /// Runs what blocks where the core under test does not need the thread.
    private static func onItsOwnThread(
        _ body: @escaping @Sendable () throws -> TrialReport
    ) async throws -> TrialReport {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
