import LosslessJSON
import SessionEngine
import TrialSupport

/// The rounds of E-01, from the callers' side.
struct SameTokenRounds {
    private let crowd: Crowd
    private let connection: Connection
    private let callers: Int

    /// Callers spread over the nodes of one core.
    init(_ ports: [Int], _ callers: Int) throws {
        crowd = try Crowd(callers, ports: ports)
        connection = try Connection(port: ports[0])
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
        let refresh = Connection.request("POST", "/recipe/session/refresh", version: version, Self.refreshBody(parent))
        let answers = crowd.send(refresh).compactMap { $0 }
        let history = answers.map(Self.operation)
        report.count("requests", history.count)
        report.count("overlapping", Operation.overlaps(history))
        var broken = Self.check(history, callers)
        report.count("tokens given", Set(history.compactMap(\.token)).count)
        let isAtOnce = version.hasSuffix("5.6")
        try compare(auditLog(of: handle), isAtOnce ? ["created", "refreshed"] : ["created"], "after the race", &broken)
        guard let reply = answers.first?.reply, let child = Self.token("refreshToken", reply) else { return broken }
        try goOn(parent, child, reply, handle, version, &broken)
        return broken
    }

    /// The child works and continues; two rotations later the parent is theft, once, and ends the session.
    private func goOn(
        _ parent: String, _ child: String, _ reply: JSONObject?, _ handle: String, _ version: String,
        _ broken: inout [String]
    ) throws {
        let access: JSONObject = [
            "accessToken": .string(Self.token("accessToken", reply) ?? ""), "doAntiCsrfCheck": false,
            "enableAntiCsrf": false, "checkDatabase": true,
        ]
        func ask(_ step: String, _ path: String, _ body: JSONObject, _ expected: String) throws -> JSONObject {
            let reply = try post(path, body, version)
            let status = reply["status"]?.string ?? "nothing"
            if status != expected { broken.append("\(step): \(status) instead of \(expected)") }
            return reply
        }
        _ = try ask("the child's access token", "/verify", access, "OK")
        let next = try ask("the child", "/refresh", Self.refreshBody(child), "OK")
        if !version.hasSuffix("5.6") {
            let late = try ask("the parent, late", "/refresh", Self.refreshBody(parent), "OK")
            if Self.token("refreshToken", late) != child { broken.append("a late parent is given another token") }
        }
        _ = try ask("the grandchild", "/refresh", Self.refreshBody(Self.token("refreshToken", next) ?? ""), "OK")
        _ = try ask("the parent", "/refresh", Self.refreshBody(parent), "TOKEN_THEFT_DETECTED")
        _ = try ask("the parent again", "/refresh", Self.refreshBody(parent), "UNAUTHORISED")
        _ = try ask("the child again", "/refresh", Self.refreshBody(child), "UNAUTHORISED")
        let rotations = version.hasSuffix("5.6") ? 3 : 2
        let expected = ["created"] + Array(repeating: "refreshed", count: rotations) + ["reuse_detected"]
        try compare(auditLog(of: handle), expected, "at the end", &broken)
    }

    private func compare(
        _ auditLog: [String], _ expected: [String], _ what: String, _ broken: inout [String]
    ) throws {
        if auditLog != expected { broken.append("the audit log \(what): \(auditLog)") }
    }

    private func auditLog(of handle: String) throws -> [String] {
        let target = "/tessera/audit?after=0&limit=1000&sessionHandle=\(handle)"
        let page = try connection.exchange(Connection.request("GET", target, version: "5.4"))
        return page["records"]?.array?.compactMap { $0.object?["event"]?.string } ?? []
    }

    private static func operation(_ answer: Answer) -> Operation {
        Operation(
            name: "refresh", start: answer.start, end: answer.end,
            outcome: answer.reply["status"]?.string ?? "no status",
            token: token("refreshToken", answer.reply).map { TokenHash(of: RefreshToken($0)) })
    }

    /// The history checker: every caller was given tokens, and all the same refresh token.
    private static func check(_ history: [Operation], _ callers: Int) -> [String] {
        var broken: [String] = []
        let good = history.count { $0.outcome == "OK" && $0.token != nil }
        if good != callers {
            let others = Set(history.map(\.outcome)).subtracting(["OK"]).sorted()
            broken.append("\(good) of \(callers) were given tokens, \(history.count) answered \(others)")
        }
        let tokens = Set(history.compactMap(\.token)).count
        if tokens != 1 { broken.append("\(tokens) different tokens") }
        return broken
    }
}
