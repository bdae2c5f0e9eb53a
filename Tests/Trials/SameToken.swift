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

/// Experiment E-01: 64 callers present one refresh token at one moment to a live core.
struct SameTokenTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "same-token", abstract: "64 callers present one refresh token at once, over sockets (E-01).")

    @Option(help: "How many rounds.") var rounds = 1_000
    @Option(help: "How many callers.") var callers = 64

    func run() async throws {
        let start = ContinuousClock().systemNow
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
        let storage = RaceStorage(base: sound, isNaive: isNaive)
        let service = try await SessionService(storage: storage, policy: policy)
        let logger = Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: logger)
        return try await withThrowingTaskGroup(of: TrialReport?.self) { group in
            let (ports, running) = AsyncStream.makeStream(of: Int.self)
            let server = CoreServer(api: api, host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }
            group.addTask {
                try await server.run()
                return nil
            }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            group.addTask { try await onItsOwnThread { try SameTokenRounds(port, callers).run(rounds) } }
            defer { group.cancelAll() }
            return try await group.next().flatMap { $0 } ?? TrialReport()
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

/// The rounds, from the callers' side.
private struct SameTokenRounds {
    private let crowd: Crowd
    private let connection: Connection
    private let callers: Int

    init(_ port: Int, _ callers: Int) throws {
        crowd = Crowd(callers, port: port)
        connection = try Connection(port: port)
        self.callers = callers
    }

    /// Each generation of drivers; V2 tokens of the oldest need RSA and are fewer.
    private static func version(_ round: Int) -> String {
        switch round % 20 {
        case 0: "2.9"
        case 1..<4: "4.0"
        case 4..<12: "5.4"
        default: "5.6"
        }
    }

    func run(_ rounds: Int) throws -> TrialReport {
        defer { crowd.dismiss() }
        var report = TrialReport()
        for round in 0..<rounds {
            let version = Self.version(round)
            for sentence in try self.round(version, &report) {
                report.violate("round \(round) at CDI \(version): \(sentence)")
            }
            report.rounds += 1
        }
        return report
    }

    private func post(_ path: String, _ body: JSONObject, _ version: String) throws -> JSONObject {
        try connection.exchange(Connection.request("POST", "/recipe/session\(path)", version: version, body))
    }

    private static func refreshBody(_ token: String) -> JSONObject {
        ["refreshToken": .string(token), "enableAntiCsrf": false, "useDynamicSigningKey": true]
    }

    private static func token(_ name: String, _ reply: JSONObject?) -> String? {
        reply?[name]?.object?["token"]?.string
    }

    private func round(_ version: String, _ report: inout TrialReport) throws -> [String] {
        let created = try post(
            "", ["userId": "u", "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false], version)
        guard let parent = Self.token("refreshToken", created),
            let handle = created["session"]?.object?["handle"]?.string
        else { throw TrialFailure.refused }
        let refresh = Connection.request(
            "POST", "/recipe/session/refresh", version: version, Self.refreshBody(parent))
        let history = crowd.send(refresh).compactMap { $0 }
        report.count("requests", history.count)
        report.count("overlaps", Self.overlaps(history))
        var broken: [String] = []
        let children = Set(history.compactMap { Self.token("refreshToken", $0.reply) })
        let good = history.count { $0.reply["status"] == "OK" }
        if good != callers { broken.append("\(good) of \(callers) were given tokens") }
        if children.count != 1 { broken.append("\(children.count) different tokens") }
        let isAtOnce = version.hasSuffix("5.6")
        try compare(trail(of: handle), isAtOnce ? ["created", "refreshed"] : ["created"], "after the race", &broken)
        guard let child = children.sorted().first else { return broken }
        try goOn(parent, child, history.first?.reply, handle, version, &broken)
        return broken
    }

    /// The child works, the parent then is theft, once, and ends the session.
    private func goOn(
        _ parent: String, _ child: String, _ reply: JSONObject?, _ handle: String, _ version: String,
        _ broken: inout [String]
    ) throws {
        let access: JSONObject = [
            "accessToken": .string(Self.token("accessToken", reply) ?? ""), "doAntiCsrfCheck": false,
            "enableAntiCsrf": false, "checkDatabase": true,
        ]
        let steps: [(String, JSONObject, String)] = [
            ("/verify", access, "OK"), ("/refresh", Self.refreshBody(child), "OK"),
            ("/refresh", Self.refreshBody(parent), "TOKEN_THEFT_DETECTED"),
            ("/refresh", Self.refreshBody(parent), "UNAUTHORISED"),
            ("/refresh", Self.refreshBody(child), "UNAUTHORISED"),
        ]
        for (number, (path, body, expected)) in steps.enumerated() {
            let status = try post(path, body, version)["status"]?.string ?? "nothing"
            if status != expected { broken.append("step \(number), \(path): \(status) instead of \(expected)") }
        }
        let expected =
            version.hasSuffix("5.6")
            ? ["created", "refreshed", "refreshed", "reuse_detected"] : ["created", "refreshed", "reuse_detected"]
        try compare(trail(of: handle), expected, "at the end", &broken)
    }

    private func compare(
        _ trail: [String], _ expected: [String], _ what: String, _ broken: inout [String]
    ) throws {
        if trail != expected { broken.append("the trail \(what): \(trail)") }
    }

    private func trail(of handle: String) throws -> [String] {
        let target = "/tessera/audit?after=0&limit=1000&sessionHandle=\(handle)"
        let page = try connection.exchange(Connection.request("GET", target, version: "5.4"))
        return page["records"]?.array?.compactMap { $0.object?["event"]?.string } ?? []
    }

    /// How many requests began before another one had ended: the race was one.
    private static func overlaps(_ history: [Operation]) -> Int {
        let ends = history.map(\.end).sorted()
        let starts = history.map(\.start).sorted()
        return zip(starts.dropFirst(), ends).count { $0 < $1 }
    }
}
