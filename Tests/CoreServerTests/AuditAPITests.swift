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

    /// Asks a core to end sessions, for somebody.
    private static func remove(_ core: Core, _ body: JSONObject, actor: String?) async throws -> Int {
        var request = CoreRequest(
            method: "POST", path: "/recipe/session/remove", version: "5.4", body: Array(body.text.utf8))
        request.actor = actor
        return try await core.send(request).status
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
                "'event' must be one of created, refused, authenticated, refreshed, reuse_detected, late_parent, "
                    + "bound, binding_refused, revoked, revoked_all, data_changed, restored, key_created, key_used, key_retired, user_erased, "
                    + "credential_changed, unreadable"
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
            let known = "before, after, limit, sessionHandle, userId, event, actor, since, until"
            #expect(reply.status == 400)
            #expect(reply.body == "The query has a parameter that is not known. There are: \(known)\n")
        }
    }

    @Test("finding E7: who and how are told apart, and the core never claims to know what it does not")
    func actors() async throws {
        let core = try await Core.value()
        let asks: [(actor: String?, body: String, expected: String)] = [
            (nil, "handle", "driver handle"), (nil, "user", "driver all"), ("user", "user", "user all"),
            ("user", "handle", "user handle"), ("admin", "handle", "admin handle"), ("admin", "user", "admin all"),
            ("driver", "user", "driver all"),
        ]
        for (number, ask) in asks.enumerated() {
            let made = try await Self.create(core, user: "u\(number)")
            let handle = try #require(made["session"]?.object?["handle"]?.string)
            let body: JSONObject =
                ask.body == "user"
                ? ["userId": .string("u\(number)")] : ["sessionHandles": .array([.string(handle)])]
            #expect(try await Self.remove(core, body, actor: ask.actor) == 200)
            let entry = try await Self.audit(core, "sessionHandle=\(handle)&event=revoked")["records"]?.array?.first?
                .object
            let found = [entry?["actor"]?.string, entry?["means"]?.string].compactMap(\.self).joined(separator: " ")
            #expect(found == ask.expected)
            #expect(entry?["details"]?.object?["by"] == nil)
        }
        let ofAdmin = try await Self.audit(core, "actor=admin&event=revoked")["records"]?.array
        #expect(ofAdmin?.count == 2)
        for wrong in ["core", "User", "", "user, admin", "root"] {
            #expect(try await Self.remove(core, ["userId": "u0"], actor: wrong) == 400, "\(wrong)")
        }
    }

    @Test("finding E7: a time is milliseconds or a date; anything else is 400")
    func times() async throws {
        let core = try await Core.value()
        _ = try await Self.create(core, user: "u")
        let all = try await Self.audit(core, nil)["records"]?.array?.count ?? 0
        #expect(all > 0)
        for query in [
            "since=0", "since=1970-01-01T00:00:00Z", "since=2001-01-01T00:00:00%2B01:00", "until=9999-01-01T00:00:00Z",
        ] {
            #expect(try await Self.audit(core, query)["records"]?.array?.count == all, "\(query)")
        }
        for query in ["until=0", "since=9999-01-01T00:00:00Z", "until=1970-01-01T00:00:00Z", "actor=user"] {
            #expect(try await Self.audit(core, query)["records"]?.array?.isEmpty == true, "\(query)")
        }
        for query in [
            "since=yesterday", "since=2026-13-01T00:00:00Z", "until=", "since=2026-01-01", "actor=nobody", "actor=",
            "since=99999999999999999999", "till=1", "since=2h",
        ] {
            #expect(try await core.send("GET", "/tessera/audit", query: query, version: nil).status == 400, "\(query)")
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
