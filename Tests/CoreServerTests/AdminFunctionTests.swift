import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@testable import CoreServer

@Suite("Admin page: what it shows and changes")
struct AdminFunctionTests {
    @Test("AP01, AP02: a user's sessions in pages, one session, and none")
    func sessions() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        let hostile = "\"><img src=x onerror=alert(1)>\u{202e}"
        var made: [String] = []
        for _ in 0..<5 {
            made.append(try await place.signIn(hostile).rawValue)
            place.clock.advance(by: .seconds(1))
        }
        let user = hostile.utf8.map { "%" + String(Int($0) + 256, radix: 16).dropFirst() }.joined()
        var (seen, cursor): ([String], String?) = ([], nil)
        repeat {
            let query = "user=\(user)&limit=2" + (cursor.map { "&after=\($0)" } ?? "")
            let reply = await place.send("GET", "/admin/sessions", query: query, token: token)
            #expect(reply.status == 200)
            for entry in reply.object["sessions"]?.array ?? [] {
                #expect(entry.object?["userId"]?.string == hostile && entry.object?["endsBy"] == "validity")
                seen += [entry.object?["sessionHandle"]?.string].compactMap(\.self)
            }
            cursor = reply.object["next"]?.string
        } while cursor != nil
        #expect(seen == made.reversed())
        let one = await place.send("GET", "/admin/sessions", query: "session=\(made[0])", token: token)
        #expect(one.object["sessions"]?.array?.count == 1)
        let none = await place.send("GET", "/admin/sessions", query: "session=x", token: token)
        #expect(none.object["sessions"] == [] && none.object["end"] == nil)
        for query in ["", "user=", "user=a&limit=0", "user=a&limit=501", "user=a&after=x", "user=a&app=none"] {
            let status = await place.send("GET", "/admin/sessions", query: query, token: token).status
            #expect(status == (query.contains("none") ? 404 : 400), "\(query)")
        }
    }

    @Test("AP03: an end is in words, with the operator and the reason in the audit log")
    func revoke() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        let handle = try await place.signIn("u").rawValue
        let reply = await place.send(
            "POST", "/admin/sessions/revoke", ["session": .string(handle), "reasonText": "  lost phone "], token: token)
        #expect(reply.object["ended"] == 1)
        let found = await place.send("GET", "/admin/sessions", query: "session=\(handle)", token: token)
        #expect(found.object["end"]?.object?["text"] == "Ended by an administrator")
        let event = try #require(try await place.service.auditEvents(AuditQuery(name: .revoked)).first?.event)
        #expect(event.actor == .administrator && event.means == .handle)
        #expect(event.details == ["operator": "alice", "reasonText": "lost phone"])
    }

    @Test("AP02: all but one, and all")
    func revokeMany() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        var handles: [String] = []
        for _ in 0..<4 { handles.append(try await place.signIn("u").rawValue) }
        _ = try await place.signIn("v")
        func revoke(_ more: JSONObject) async -> AdminPlace.Seen {
            let body = (["user": "u", "reasonText": "why"] as JSONObject).merging(more)
            return await place.send("POST", "/admin/sessions/revoke", body, token: token)
        }
        #expect(await revoke(["except": "none"]).status == 400)
        #expect(await revoke(["except": .string(handles[2])]).object["ended"] == 3)
        let others = try await place.service.auditEvents(AuditQuery(name: .revoked)).map(\.event.means)
        #expect(others == [.others, .others, .others])
        #expect(await revoke([:]).object["ended"] == 1)
        #expect(await revoke([:]).object["ended"] == 0)
        #expect(try await place.service.handles(of: "v").count == 1)
    }

    static let changes: [(String, JSONObject)] = [
        ("/admin/sessions/revoke", ["user": "u"]), ("/admin/keys/rotate", ["kind": "dynamic"]),
        ("/admin/keys/kill", ["kid": "k", "confirm": "k"]),
    ]

    @Test("a change needs a reason of one line and at most 200 characters", arguments: changes)
    func reasons(path: String, body: JSONObject) async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        let bad: [JSONValue?] = [
            nil, "", "   ", 1, .string(String(repeating: "x", count: 201)), "a\nb", "a\u{0}", "\u{7f}",
        ]
        for reason in bad {
            var body = body
            body["reasonText"] = reason
            #expect(await place.send("POST", path, body, token: token).status == 400)
        }
    }

    @Test("nothing is changed where the page only reads", arguments: changes)
    func readOnly(path: String, body: JSONObject) async throws {
        let place = try await AdminPlace(writes: false)
        let token = try await place.logIn()
        _ = try await place.signIn("u")
        let reply = await place.send("POST", path, body.merging(["reasonText": "why"]), token: token)
        #expect(reply.status == 403)
        #expect(try await place.service.handles(of: "u").count == 1)
        #expect(await place.send("GET", "/admin/session", token: token).object["writes"] == false)
    }

    @Test("AP04: a timeline has the entries of its session, the oldest first, with the time between them")
    func timeline() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        let handle = try await place.signIn("u")
        _ = try await place.signIn("u")
        place.clock.advance(by: .seconds(61))
        _ = try await place.service.revoke([handle], by: .user)
        let reply = await place.send("GET", "/admin/timeline", query: "session=\(handle.rawValue)", token: token)
        let entries = (reply.object["entries"]?.array ?? []).compactMap(\.object)
        #expect(entries.compactMap { $0["event"]?.string } == ["created", "revoked"])
        #expect(entries.first?["sincePrevious"] == nil && entries.last?["sincePrevious"] == 61_000)
        #expect(entries.last?["why"] == "Signed out by the user")
        #expect(reply.object["end"]?.object?["cause"] == "signedOut" && reply.object["isLive"] == false)
        #expect(await place.send("GET", "/admin/timeline", token: token).status == 400)
    }

    @Test("AP05: keys are shown, made, and deleted where their whole name is typed")
    func keys() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        try await place.service.prepareSigningKeys()
        func names() async -> [String] {
            let reply = await place.send("GET", "/admin/keys", token: token)
            return (reply.object["keys"]?.array ?? []).compactMap { $0.object?["kid"]?.string }
        }
        let before = await names()
        #expect(before.count == 2)
        place.clock.advance(by: .seconds(5))
        let made = await place.send(
            "POST", "/admin/keys/rotate", ["kind": "dynamic", "reasonText": "drill"], token: token)
        let kid = try #require(made.object["kid"]?.string)
        #expect(await Set(names()) == Set(before + [kid]))
        for confirm: JSONValue in ["", .string(String(kid.dropLast())), nil] {
            let body: JSONObject = ["kid": .string(kid), "confirm": confirm, "reasonText": "drill"]
            #expect(await place.send("POST", "/admin/keys/kill", body, token: token).status == 400)
        }
        let body: JSONObject = ["kid": .string(kid), "confirm": .string(kid), "reasonText": "leaked"]
        #expect(await place.send("POST", "/admin/keys/kill", body, token: token).status == 200)
        #expect(await Set(names()) == Set(before))
        #expect(await place.send("POST", "/admin/keys/kill", body, token: token).status == 404)
        let events = try await place.service.auditEvents(AuditQuery(actor: .administrator)).map(\.event)
        #expect(events.map(\.name) == [.keyRetired, .keyCreated])
        #expect(events.first?.details["reasonText"] == "leaked" && events.first?.details["operator"] == "alice")
    }

    @Test("AP07: the configuration has sources, and of a secret only that it is set")
    func configuration() async throws {
        let place = try await AdminPlace()
        let reply = await place.send("GET", "/admin/configuration", token: try await place.logIn())
        let settings = (reply.object["settings"]?.array ?? []).compactMap(\.object)
        #expect(settings.first?["value"] == "127.0.0.1" && settings.first?["source"] == "default")
        #expect(settings.last?["value"] == nil && settings.last?["set"] == true && settings.last?["secret"] == true)
    }

    @Test("AP08: the audit log with filters, in pages, and as lines")
    func audit() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        for number in 0..<5 { _ = try await place.signIn("u\(number % 2)") }
        func page(_ query: String) async -> AdminPlace.Seen {
            await place.send("GET", "/admin/audit", query: query, token: token)
        }
        let first = await page("event=created&limit=3&userId=&app=public")
        #expect(first.object["entries"]?.array?.count == 3)
        let next = try #require(first.object["next"]?.text)
        #expect(await page("event=created&limit=3&before=\(next)").object["entries"]?.array?.count == 2)
        #expect(await page("userId=u1").object["entries"]?.array?.count == 2)
        for query in ["limit=0", "event=x", "actor=x", "before=1&after=1"] {
            #expect(await page(query).status == 400, "\(query)")
        }
        let lines = await place.send(
            "GET", "/admin/audit/export", query: "event=created&after=0&limit=3", token: token)
        #expect(lines.text.split(separator: "\n").count == 3 && lines.headers["X-Tessera-Admin-Next"] != nil)
    }

    @Test("the overview says what there is; nothing of a key")
    func overview() async throws {
        let place = try await AdminPlace()
        let reply = await place.send("GET", "/admin/overview", token: try await place.logIn())
        #expect(reply.object["version"] == "1" && reply.object["apps"] == ["public"])
        #expect(!reply.text.contains(AdminPlace.secret))
    }

    @Test("storage that does not answer is said, and is no log-out")
    func storageAway() async throws {
        let storage = SwitchableStorage()
        let place = try await AdminPlace(storage: storage.storage)
        let token = try await place.logIn()
        storage.fail(with: StorageError(.unavailable, "gone, at 10.0.0.1"))
        let reply = await place.send("GET", "/admin/audit", token: token)
        #expect(reply.status == 503 && !reply.text.contains("10.0.0.1"))
        #expect(place.api.sessions.isLive(token))
    }

    @Test(
        "AP06: quantiles of buckets",
        arguments: [
            (0.5, [0, 0, 0], nil), (0.5, [4, 0, 0], 0.5), (0.99, [100, 0, 0], 0.99), (0.5, [0, 10, 0], 1.5),
            (0.99, [0, 0, 7], 2.0), (0.5, [1, 1, 0], 1.0),
        ] as [(Double, [UInt64], Double?)])
    func quantiles(share: Double, counts: [UInt64], expected: Double?) {
        let found = LiveFigures.quantile(share, of: counts, [0.001, 0.002])
        #expect(found.map { ($0 * 1_000).rounded() / 1_000 } == expected)
        #expect(LiveFigures.difference([3, 5], [1, 9]) == [2, 0])
    }
}
