import ArgumentParser
import Foundation
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import TrialSupport

#if PostgreSQL
    import Logging
    import PostgresStorage
#endif

/// Many sign-ins of one user at once leave exactly as many sessions as allowed (docs/decisions/0040).
struct SessionLimitsTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session-limits",
        abstract: "50 sign-ins of one user at once, with three allowed: exactly 3 live and 47 are evicted.")

    @Option(help: "How many rounds on each storage.") var rounds = 100
    @Option(help: "The URI of a PostgreSQL database for two nodes; without one there is SQLite alone.")
    var postgres: String?

    private static let attempts = 50
    private static let limit = 3
    private static let start = Timestamp(milliseconds: 1_700_000_000_000)

    func run() async throws {
        let begun = ContinuousClock().systemNow
        print("\(Self.attempts) sign-ins at once, \(Self.limit) allowed, \(rounds) rounds, seed none: no random choice")
        let path = "\(NSTemporaryDirectory())tessera-limits-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = try SQLiteDatabase(folder: path)
        let sqlite = database.storage(of: .public)
        try Outcome.show("SQLite", try await rounds([sqlite], isNaive: false, rounds), since: begun)
        try Outcome.showControl(
            "a count before the insert", try await rounds([sqlite], isNaive: true, 20), since: begun)
        try await onPostgreSQL(since: begun)
    }

    private func onPostgreSQL(since begun: ContinuousClock.Instant) async throws {
        guard let postgres = postgres ?? ProcessInfo.processInfo.environment["TESSERA_TEST_POSTGRES"] else { return }
        #if PostgreSQL
            let schema = "limits_\(ProcessInfo.processInfo.processIdentifier)"
            var settings = try PostgresSettings(uri: postgres, tables: TableNames(schema: schema, prefix: ""))
            settings.deadline = .seconds(60)
            let logger = Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }
            var nodes: [PostgresDatabase] = []
            for name in ["one", "two"] {
                nodes.append(try await PostgresDatabase(settings, node: name, logger: logger))
            }
            defer { for node in nodes { node.close() } }
            let storages = nodes.map { $0.storage(of: .public) }
            try Outcome.show("PostgreSQL, two nodes", try await rounds(storages, isNaive: false, rounds), since: begun)
            let control = try await rounds(storages, isNaive: true, 20)
            try Outcome.showControl("two nodes that count before the insert", control, since: begun)
        #else
            throw ValidationError("built without PostgreSQL")
        #endif
    }

    private func rounds(_ storages: [any SessionStorage], isNaive: Bool, _ count: Int) async throws -> TrialReport {
        var report = TrialReport()
        for round in 0..<count {
            let user = UserID("\(isNaive ? "naive" : "user")-\(round)")
            let evicted = try await signIn(user, storages, isNaive: isNaive)
            let live = try await storages[0].handles(of: user, tenant: nil, liveAt: Self.start, within: .unlimited)
                .count
            report.rounds += 1
            guard live != Self.limit || evicted != Self.attempts - Self.limit else { continue }
            report.violate("round \(round): \(live) live, \(evicted) evicted")
        }
        return report
    }

    /// Returns how many sessions ended.
    private func signIn(_ user: UserID, _ storages: [any SessionStorage], isNaive: Bool) async throws -> Int {
        let admission = SessionAdmission(limit: SessionLimit(Self.limit), terms: .unlimited)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<Self.attempts {
                let storage = storages[number % storages.count]
                let record = Self.record("\(user.rawValue)-\(number)", user)
                group.addTask {
                    guard isNaive else {
                        let outcome = try await storage.insert(record, admission: admission, audit: .created(record))
                        if case .created(let ended) = outcome { return ended.count }
                        return 0
                    }
                    let others = try await storage.handles(
                        of: user, tenant: nil, liveAt: Self.start, within: .unlimited)
                    let excess = others.prefix(max(0, others.count - Self.limit + 1))
                    let ended = try await storage.remove(.handles(Array(excess)), audit: nil)
                    try await storage.insert(record, audit: nil)
                    return ended.count
                }
            }
            return try await group.reduce(0, +)
        }
    }

    private static func record(_ handle: String, _ user: UserID) -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: .public, userID: user,
            currentTokenHash: StoredTokenHash(stored: "h-\(handle)"), sessionData: JSONObjectText(stored: "{}"),
            accessTokenPayload: JSONObjectText(stored: "{}"), createdAt: start, expiresAt: start + .days(1),
            signingKeyKind: .dynamic)
    }
}
