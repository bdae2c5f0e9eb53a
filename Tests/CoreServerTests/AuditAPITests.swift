import CoreServer
import LosslessJSON
import SessionEngine
import SessionService
import Testing

/// `GET /tessera/audit`.
struct AuditAPITests {
    private static func create(_ core: Core, user: String) async throws -> JSONObject {
        let body: JSONObject = [
            "userId": .string(user), "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
        ]
        return try object(try await core.send("POST", "/recipe/session", body.text))
    }

    private static func object(_ reply: SeenReply) throws -> JSONObject {
        #expect(reply.status == 200, "\(reply.body)")
        return try #require(try JSONValue(parsing: reply.body).object)
    }

    private static func audit(_ core: Core, _ query: String?) async throws -> JSONObject {
        try object(try await core.send("GET", "/tessera/audit", query: query, version: nil))
    }

    @Test("pages go backwards from the newest entry and forwards from the oldest", arguments: Depth.allCases)
    func pages(depth: Depth) async throws {
        try await Core.run(depth) { core in
            for number in 0..<5 { _ = try await Self.create(core, user: "u\(number)") }
            var users: [String] = []
            var cursor = ""
            repeat {
                let page = try await Self.audit(core, "event=created&limit=2\(cursor)")
                users += page["records"]?.array?.compactMap { $0.object?["userId"]?.string } ?? []
                cursor = page["next"]?.number?.int64.map { "&before=\($0)" } ?? ""
            } while !cursor.isEmpty
            #expect(users == ["u4", "u3", "u2", "u1", "u0"])
            let page = try await Self.audit(core, "event=created&limit=2&after=0")
            #expect(page["records"]?.array?.compactMap { $0.object?["userId"]?.string } == ["u0", "u1"])
        }
    }

    @Test("an entry has the members of the interface", arguments: Depth.allCases)
    func entry(depth: Depth) async throws {
        try await Core.run(depth) { core in
            let created = try await Self.create(core, user: "é \u{1B}[2J")
            let handle = try #require(created["session"]?.object?["handle"]?.string)
            let page = try await Self.audit(core, "sessionHandle=\(handle)")
            let record = try #require(page["records"]?.array?.first?.object)
            #expect(record.names == ["sequence", "time", "event", "sessionHandle", "tenantId", "userId", "details"])
            #expect(record["event"] == "created" && record["sessionHandle"]?.string == handle)
            #expect(record["userId"] == "é \u{1B}[2J" && record["details"] == [:])
            #expect(page.names == ["status", "records"] && page["status"] == "OK")
            let nobody = try await Self.audit(core, "userId=nobody")
            #expect(nobody["records"] == [])
        }
    }

    @Test(
        "a value that a parameter cannot have is told with what it can be",
        arguments: [
            ("limit=0", "'limit' must be a whole number from 1 to 1000"),
            ("limit=1001", "'limit' must be a whole number from 1 to 1000"),
            ("limit=x", "'limit' must be a whole number from 1 to 1000"),
            ("before=-1", "'before' must be a whole number from 0 to 9223372036854775807"),
            ("before=1&after=1", "'before' must be left out where 'after' is given"),
            (
                "event=theft",
                "'event' must be one of created, refreshed, reuse_detected, late_parent, revoked, revoked_all, data_changed, "
                    + "restored, key_created, key_used, key_retired, unreadable"
            ),
        ])
    func refusals(query: String, text: String) async throws {
        let core = try await Core.value()
        let reply = try await core.send("GET", "/tessera/audit", query: query, version: nil)
        #expect(reply.status == 400 && reply.body == text + "\n")
    }

    @Test(
        "a parameter that is not known is refused, and nothing of it is told (finding E6)",
        arguments: [
            "user=bob", "userID=bob", "limit=5&user=bob", "user=bob&limit=5", "userId=bob&", "user", "%75ser=bob",
            "%ff=1", "=",
            "session=h", "tenantId=t", "%3Cimg%3E=1",
        ], Depth.allCases)
    func unknown(query: String, depth: Depth) async throws {
        try await Core.run(depth) { core in
            let reply = try await core.send("GET", "/tessera/audit", query: query, version: nil)
            if query == "userId=bob&" { return #expect(reply.status == 200) }
            let known = "before, after, limit, sessionHandle, userId, event"
            #expect(reply.status == 400)
            #expect(reply.body == "The query has a parameter that is not known. There are: \(known)\n")
        }
    }

    @Test("the audit log is not for everybody: it needs the API key and is not written to")
    func access() async throws {
        var settings = CoreSettings()
        settings.apiKeys = ["ABCDEFGHIJKLMNOPQRSTUV"]
        let core = try await Core.value(settings: settings)
        #expect(try await core.send("GET", "/tessera/audit", version: nil).status == 401)
        let open = try await Core.value()
        for method in ["POST", "PUT", "DELETE"] {
            #expect(try await open.send(method, "/tessera/audit", version: nil).status == 405)
        }
        #expect(try await open.send("GET", "/tenant-x/tessera/audit", version: "5.4").status != 200)
    }
}
