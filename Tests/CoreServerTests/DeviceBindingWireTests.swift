import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import TestSupport
import Testing

@Suite("Sessions that are bound to the device of a browser, on the wire (docs/dbsc.md)")
struct DeviceBindingWireTests {
    private static func object(_ reply: SeenReply) throws -> JSONObject {
        try #require(try JSONValue(parsing: reply.body).object, "\(reply.status) \(reply.body)")
    }

    /// Sends a request with the field `tessera-dbsc`.
    private static func send(
        _ core: Core, _ path: String, _ body: JSONObject, _ field: String?, _ version: Generation? = Generation.all.last
    ) async throws -> SeenReply {
        var request = CoreRequest(
            method: "POST", path: path, version: version?.description, body: Array(body.text.utf8))
        request.device = field
        return try await core.send(request)
    }

    private static func create(
        _ core: Core, _ version: Generation, _ field: String?
    ) async throws -> SeenReply {
        var body: JSONObject = [
            "userId": "u", "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
        ]
        if version >= "2.21" { body["useDynamicSigningKey"] = true }
        return try await send(core, version.path(""), body, field, version)
    }

    private static func refresh(
        _ core: Core, _ created: JSONObject, _ version: Generation, _ field: String?
    ) async throws -> SeenReply {
        let token = created["refreshToken"]?.object?["token"] ?? .null
        var body: JSONObject = ["refreshToken": token, "enableAntiCsrf": false]
        if version >= "3.0" { body["useDynamicSigningKey"] = true }
        return try await send(core, version.path("refresh"), body, field, version)
    }

    @Test(
        "every version offers where that is wanted, and a bound session answers drivers of each as one of another key")
    func versions() async throws {
        let clock = TestClock()
        try await Core.run(.value, clock: clock) { core in
            for version in Generation.all {
                #expect(try Self.object(try await Self.create(core, version, nil))["dbscOffer"] == nil)
                let created = try Self.object(try await Self.create(core, version, "offer"))
                let offer = try #require(created["dbscOffer"]?.string)
                let handle = created["session"]?.object?["handle"] ?? .null
                let device = TestDeviceKey()
                let proof: JSONObject = ["sessionHandle": handle, "proof": .string(try device.registration(offer))]
                let bound = try Self.object(try await Self.send(core, "/tessera/dbsc/register", proof, nil, version))
                #expect(bound["status"] == "OK" && bound["maxAge"] == 570)
                #expect(bound.names == ["status", "sessionIdentifier", "cookie", "challenge", "maxAge"])
                let cookie = try #require(bound["cookie"]?.string)
                let early = try await Self.refresh(core, created, version, nil)
                #expect(early.status == 503 && early.headers["retry-after"] == "1", "it was bound a moment ago")
                let known = try Self.object(try await Self.refresh(core, created, version, "offer"))
                #expect(known == ["status": "TRY_LATER"])
                clock.advance(by: .seconds(121))
                for field in [nil, "offer", "value=\"x\"", "other=1"] {
                    let refused = try Self.object(try await Self.refresh(core, created, version, field))
                    #expect(refused["status"] == "UNAUTHORISED", "\(version) \(field ?? "-")")
                }
                let skipped = try Self.object(try await Self.refresh(core, created, version, "skipped, value=\"x\""))
                #expect(skipped == ["status": "TRY_LATER"])
                for field in ["value=\"\(cookie)\"", "skipped, value=\"\(cookie)\"", "report", "report=?1, skipped"] {
                    let given = try Self.object(try await Self.refresh(core, created, version, field))
                    #expect(given["status"] == "OK" && given["dbscOffer"] == nil, "\(version) \(field)")
                }
                // Of a node whose clock is behind, or of a browser that keeps it for longer than it was to.
                clock.advance(by: .seconds(480))
                let old = try Self.object(try await Self.refresh(core, created, version, "value=\"\(cookie)\""))
                #expect(old == ["status": "TRY_LATER"], "\(version)")
                let devices = try Self.object(
                    try await core.send("GET", "/tessera/sessions", query: "sessionHandle=\(handle.string ?? "")"))
                #expect(devices["sessions"]?.array?.first?.object?["binding"] == "dbsc")
            }
        }
    }

    @Test("a field that is no dictionary of the known forms is refused, on each request that reads it")
    func forms() async throws {
        let newest = try #require(Generation.all.last)
        try await Core.run(.value) { core in
            let created = try Self.object(try await Self.create(core, newest, nil))
            for field in ["", "offer=1", "report=\"x\"", "skipped=(1)", "value=x", "value", "\"", "offer,", "=", "?1"] {
                for reply in [
                    try await Self.create(core, newest, field), try await Self.refresh(core, created, newest, field),
                ] {
                    let isEmpty = field.isEmpty
                    #expect(reply.status == (isEmpty ? 200 : 400), "\(field)")
                    #expect(isEmpty || reply.body.contains("tessera-dbsc"))
                }
            }
        }
    }

    @Test("the answers of the three operations")
    func operations() async throws {
        let (clock, newest) = (TestClock(), try #require(Generation.all.last))
        try await Core.run(.value, clock: clock) { core in
            let created = try Self.object(try await Self.create(core, newest, "offer"))
            let (handle, device) = (created["session"]?.object?["handle"] ?? .null, TestDeviceKey())
            let offer = try device.registration(created["dbscOffer"]?.string ?? "")
            func ask(_ operation: String, _ body: JSONObject) async throws -> JSONObject {
                try Self.object(try await Self.send(core, "/tessera/dbsc/\(operation)", body, nil))
            }
            func standing(_ cookie: JSONValue?) async throws -> JSONValue? {
                var body: JSONObject = ["sessionHandle": handle]
                body["cookie"] = cookie
                return try await ask("check", body)["standing"]
            }
            #expect(try await standing(nil) == "UNBOUND")
            #expect(try await ask("register", ["sessionHandle": handle, "proof": "x"]) == ["status": "REFUSED"])
            let bound = try await ask("register", ["sessionHandle": handle, "proof": .string(offer)])
            let identifier = bound["sessionIdentifier"] ?? .null
            #expect(try await standing(bound["cookie"]) == "PROVED")
            #expect(try await standing(nil) == "UNPROVED")
            let asked = try await ask("refresh", ["sessionIdentifier": identifier])
            #expect(asked.names == ["status", "challenge"] && asked["status"] == "CHALLENGE")
            let proof = JSONValue.string(try device.renewal(asked["challenge"]?.string ?? ""))
            let body: JSONObject = ["sessionIdentifier": identifier, "proof": proof, "sessionHandle": handle]
            #expect(try await ask("refresh", body)["status"] == "OK")
            #expect(try await ask("refresh", body.merging(["sessionHandle": "other"])) == ["status": "ENDED"])
            #expect(try await ask("refresh", ["sessionIdentifier": "x"]) == ["status": "ENDED"])
            let long = String(repeating: "a", count: 4_097)
            let refused = try await Self.send(
                core, "/tessera/dbsc/refresh", ["sessionIdentifier": identifier, "proof": .string(long)], nil)
            #expect(refused.status == 400)
            let capabilities = try Self.object(try await core.send("GET", "/tessera/capabilities", ""))
            #expect(capabilities["capabilities"]?.array?.contains("dbsc") == true)
        }
    }
}
