import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

@Suite("Devices on the wire (docs/devices.md)")
struct DeviceWireTests {
    private static let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    private static func encoded(_ text: String) -> String { Base64.url.encodedText(Array(text.utf8)) }

    private static func fields(_ change: (inout ClientFields) -> Void = { _ in }) -> ClientFields {
        var fields = ClientFields()
        (fields.address, fields.userAgent) = ("203.0.113.57", encoded(agent))
        change(&fields)
        return fields
    }

    private static func create(
        _ core: Core, user: String = "u", _ client: ClientFields = fields(), tenant: String = ""
    ) async throws -> (handle: String, token: String) {
        let body: JSONObject = [
            "userId": .string(user), "userDataInJWT": ["secret": 1], "userDataInDatabase": [:], "enableAntiCsrf": false,
            "useDynamicSigningKey": true,
        ]
        var request = CoreRequest(
            method: "POST", path: "\(tenant)/recipe/session", version: "5.6", body: Array(body.text.utf8))
        request.client = client
        let reply = try object(try await core.send(request))
        return (
            try #require(reply["session"]?.object?["handle"]?.string),
            try #require(reply["refreshToken"]?.object?["token"]?.string)
        )
    }

    private static func object(_ reply: SeenReply) throws -> JSONObject {
        try #require(try JSONValue(parsing: reply.body).object, "\(reply.status) \(reply.body)")
    }

    private static func list(_ core: Core, _ query: String, _ tenant: String = "") async throws -> [JSONObject] {
        let reply = try object(try await core.send("GET", "\(tenant)/tessera/sessions", query: query))
        return try #require(reply["sessions"]?.array, "\(reply)").compactMap(\.object)
    }

    private static func device(_ entry: JSONObject?) -> JSONObject { entry?["device"]?.object ?? [:] }

    @Test("What a backend says at sign-in and refresh is in the list, over a socket too", arguments: Depth.allCases)
    func facts(depth: Depth) async throws {
        let clock = TestClock(Timestamp(milliseconds: 1_764_200_000_000))
        try await Core.run(depth, clock: clock) { core in
            let (handle, token) = try await Self.create(core)
            let entry = try #require(try await Self.list(core, "userId=u").first)
            #expect(
                entry["sessionHandle"] == .string(handle) && entry["userId"] == "u" && entry["tenantId"] == "public")
            #expect(entry["created"] == 1_764_200_000_000 && entry["lastSeen"] == entry["created"])
            #expect(
                Self.device(entry) == [
                    "label": "Firefox on Linux", "userAgent": .string(Self.agent), "firstAddress": "203.0.113.0/24",
                    "lastAddress": "203.0.113.0/24",
                ])
            #expect(entry["authentication"]?.object == ["time": 1_764_200_000_000, "amr": []])
            #expect(entry["limits"]?.object == ["remembered": false])
            #expect(entry["anonymous"] == false && entry["impersonated"] == false)
            clock.advance(by: .seconds(60))
            let body: JSONObject = [
                "refreshToken": .string(token), "enableAntiCsrf": false, "useDynamicSigningKey": true,
            ]
            var request = CoreRequest(
                method: "POST", path: "/recipe/session/refresh", version: "5.6", body: Array(body.text.utf8))
            request.client.address = "2001:db8:12:34::1"
            request.client.hints = "brands=:YQ==:, mobile=?0, platform=\"macOS\""
            _ = try Self.object(try await core.send(request))
            let next = try #require(try await Self.list(core, "sessionHandle=\(handle)").first)
            #expect(Self.device(next)["lastAddress"] == "2001:db8:12::/48")
            #expect(Self.device(next)["firstAddress"] == "203.0.113.0/24")
            #expect(next["lastSeen"] == 1_764_200_060_000)
        }
    }

    @Test("A field that cannot be read is passed over, and the sign-in succeeds")
    func unreadable() async throws {
        let core = try await Core.value()
        let wrong: [(inout ClientFields) -> Void] = [
            { $0.address = "203.0.113.57:80" }, { $0.address = "" }, { $0.userAgent = "!!!" },
            { $0.userAgent = Base64.url.encodedText([0xff, 0xfe]) }, { $0.hints = "((((" },
            { $0.label = String(repeating: "A", count: 100_000) }, { $0.country = "Germany" },
            { $0.hints = "platform=1" },
        ]
        for change in wrong {
            var fields = ClientFields()
            change(&fields)
            let (handle, _) = try await Self.create(core, fields)
            let entry = try #require(try await Self.list(core, "sessionHandle=\(handle)").first)
            #expect(Self.device(entry) == ["label": "Unknown device"])
        }
    }

    @Test("Pages are cut at the limit, complete, and no cursor can be made up")
    func pages() async throws {
        let clock = TestClock()
        try await Core.run(.value, clock: clock) { core in
            var handles: Set<String> = []
            for _ in 0..<5 {
                handles.insert(try await Self.create(core).handle)
                clock.advance(by: Milliseconds(1))
            }
            var (found, query, cursors): ([String], String, [String]) = ([], "userId=u&limit=2", [])
            while true {
                let reply = try Self.object(try await core.send("GET", "/tessera/sessions", query: query))
                found += reply["sessions"]?.array?.compactMap { $0.object?["sessionHandle"]?.string } ?? []
                guard let next = reply["next"]?.string else { break }
                cursors.append(next)
                query = "userId=u&limit=2&after=\(next)"
            }
            #expect(found.count == 5 && Set(found) == handles && cursors.count == 2)
            let wrong = [
                "userId=u&after=x", "userId=u&after=\(cursors[0])x", "userId=u&limit=0", "userId=u&limit=501",
                "userId=u&sessionHandle=h", "limit=1", "userId=u&nonsense=1", "userId=u&limit=many",
            ]
            for query in wrong {
                let reply = try await core.send("GET", "/tessera/sessions", query: query)
                #expect(reply.status == 400, "\(query): \(reply.body)")
            }
            #expect(try await Self.list(core, "userId=none").isEmpty)
            #expect(try await Self.list(core, "sessionHandle=none").isEmpty)
        }
    }

    @Test("Sessions are named and ended for their user only; a wrong exception ends nothing")
    func changes() async throws {
        let core = try await Core.value()
        let (mine, kept, foreign) = (
            try await Self.create(core).handle, try await Self.create(core).handle,
            try await Self.create(core, user: "other").handle
        )
        func send(_ method: String, _ path: String, _ body: JSONObject) async throws -> SeenReply {
            try await core.send(method, "/tessera/\(path)", body.text)
        }
        let named = try await send(
            "PUT", "sessions/label", ["userId": "u", "sessionHandle": .string(mine), "label": "\u{202E}<b>"])
        #expect(try Self.object(named) == ["status": "OK"])
        let entry = try await Self.list(core, "sessionHandle=\(mine)").first
        #expect(Self.device(entry)["label"] == "<b>")
        let refused = try await send(
            "PUT", "sessions/label", ["userId": "u", "sessionHandle": .string(foreign), "label": "x"])
        #expect(try Self.object(refused)["status"] == "UNAUTHORISED")
        for wrong in [foreign, "none"] {
            let reply = try await send("POST", "sessions/revoke", ["userId": "u", "except": .string(wrong)])
            #expect(reply.status == 400 && reply.body.contains("nothing has ended"))
        }
        let both: JSONObject = ["userId": "u", "except": .string(kept), "sessionHandles": []]
        #expect(try await send("POST", "sessions/revoke", both).status == 400)
        #expect(try await send("POST", "sessions/revoke", ["userId": "u"]).status == 400)
        #expect(try await Self.list(core, "userId=u").count == 2)
        let passed = try await send(
            "POST", "sessions/revoke", ["userId": "u", "sessionHandles": [.string(foreign)]])
        #expect(try Self.object(passed)["sessionHandlesRevoked"] == [])
        let ended = try await send("POST", "sessions/revoke", ["userId": "u", "except": .string(kept)])
        #expect(try Self.object(ended)["sessionHandlesRevoked"] == [.string(mine)])
        let forgotten = try await send("POST", "users/forget", ["userId": "u"])
        #expect(try Self.object(forgotten)["sessions"] == 1)
        #expect(Self.device(try await Self.list(core, "userId=u").first) == ["label": "Unknown device"])
        #expect(Self.device(try await Self.list(core, "userId=other").first)["label"] == "Firefox on Linux")
    }

    @Test("A caller can ask what this core can do")
    func capabilities() async throws {
        let core = try await Core.value()
        let reply = try Self.object(try await core.send("GET", "/tessera/capabilities"))
        #expect(reply["capabilities"]?.array?.contains("devices") == true)
    }
}
