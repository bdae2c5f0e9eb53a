import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Anonymous sessions and impersonation on the wire (docs/sign-in.md)")
struct UpgradeWireTests {
    private static func object(_ reply: SeenReply) throws -> JSONObject {
        try #require(try JSONValue(parsing: reply.body).object, "\(reply.status) \(reply.body)")
    }

    private static func create(
        _ core: Core, _ version: Generation, user: String = "", policy: String? = "anonymous"
    ) async throws -> SeenReply {
        var body: JSONObject = [
            "userId": .string(user), "userDataInJWT": ["anonymous": true], "userDataInDatabase": ["basket": 1],
            "enableAntiCsrf": false,
        ]
        if version >= "2.21" { body["useDynamicSigningKey"] = true }
        var request = CoreRequest(
            method: "POST", path: version.path(""), version: version.description, body: Array(body.text.utf8))
        request.policy = policy
        return try await core.send(request)
    }

    private static func token(_ object: JSONObject, _ name: String = "refreshToken") throws -> String {
        try #require(object[name]?.object?["token"]?.string, "\(object.text)")
    }

    private static func upgrade(
        _ core: Core, _ token: String, _ version: Generation, user: String = "u", _ more: JSONObject = [:],
        policy: String? = nil
    ) async throws -> SeenReply {
        let asked: JSONObject = ["refreshToken": .string(token), "userId": .string(user)]
        let body = asked.merging(more)
        var request = CoreRequest(
            method: "POST", path: "/tessera/session/upgrade", version: version.description,
            body: Array(body.text.utf8))
        request.policy = policy
        return try await core.send(request)
    }

    private static func refresh(_ core: Core, _ token: String, _ version: Generation) async throws -> SeenReply {
        var body: JSONObject = ["refreshToken": .string(token), "enableAntiCsrf": false]
        if version >= "3.0" { body["useDynamicSigningKey"] = true }
        return try await core.send("POST", version.path("refresh"), body.text, version: version.description)
    }

    @Test("AN01 and AN03: every version creates an anonymous session, upgrades it, and repeats that")
    func versions() async throws {
        let clock = TestClock()
        try await Core.run(.value, clock: clock) { core in
            for version in Generation.all {
                let first = try Self.object(try await Self.create(core, version))
                let user = first["session"]?.object?["userId"]?.string ?? ""
                #expect(user.hasPrefix("anon_") && user.utf8.count == 27, "\(version)")
                let token = try Self.token(first)
                let reply = try Self.object(
                    try await Self.upgrade(core, token, version, ["payload": ["k": 1], "data": ["name": "n"]]))
                let session = reply["session"]?.object
                #expect(reply["status"] == "OK" && session?["userId"] == "u", "\(version)")
                #expect(session?["userDataInJWT"] == ["k": 1], "\(version)")
                #expect(session?["handle"] != first["session"]?.object?["handle"])
                let again = try Self.object(try await Self.upgrade(core, token, version, ["payload": ["k": 1]]))
                #expect(try Self.token(again) == Self.token(reply), "\(version)")
                // Another tab of the anonymous session waits.
                let late = try await Self.refresh(core, token, version)
                #expect(late.status == 503, "\(version)")
                let other = try await Self.upgrade(core, token, version, user: "v")
                #expect(other.status == 503, "\(version)")
                clock.advance(by: .seconds(61))
                let gone = try Self.object(try await Self.refresh(core, token, version))
                #expect(gone["status"] == "UNAUTHORISED", "\(version)")
                let next = try Self.object(try await Self.refresh(core, Self.token(reply), version))
                #expect(next["status"] == "OK", "\(version)")
            }
        }
    }

    @Test("AN01 and AN03: what is refused, and with which status", arguments: Depth.allCases)
    func refusals(depth: Depth) async throws {
        var policy = SessionPolicy()
        policy.sessionLimit = SessionLimit(1, action: .refuseNew)
        let newest = try #require(Generation.all.last)
        try await Core.run(depth, policy: policy, clock: TestClock()) { core in
            #expect(try await Self.create(core, newest, user: "u").status == 400, "a user's id in an anonymous session")
            #expect(try await Self.create(core, newest, policy: "anonymous=1").status == 400)
            #expect(try await Self.create(core, newest, policy: "anonymous=?0").status == 200, "no anonymous session")
            let own = try Self.object(try await Self.create(core, newest, user: "u", policy: nil))
            let notAnonymous = try await Self.upgrade(core, Self.token(own), newest, user: "w")
            #expect(notAnonymous.status == 400 && notAnonymous.body.contains("not an anonymous one"))
            let first = try Self.object(try await Self.create(core, newest))
            let token = try Self.token(first)
            let anonymous = first["session"]?.object?["userId"]?.string ?? ""
            #expect(try await Self.upgrade(core, token, newest, user: anonymous).status == 400)
            #expect(try await Self.upgrade(core, token, newest, policy: "anonymous").status == 400)
            #expect(try await Self.upgrade(core, token, newest, ["payload": ["sub": "x"]]).status == 400)
            #expect(try await Self.upgrade(core, token, newest, ["level": ""]).status == 400)
            #expect(try await Self.upgrade(core, token, newest, policy: "auth-time=1, absolute=300").status == 400)
            #expect(try await Self.upgrade(core, token, newest).status == 409, "the user has a session")
            let listed = try await Self.upgrade(core, token, newest, policy: "remember-me")
            #expect(listed.status == 409 && listed.body.contains("SESSION_LIMIT_REACHED"))
            let handle = own["session"]?.object?["handle"]?.string ?? ""
            let replaced = try await Self.upgrade(core, token, newest, policy: "replace=(\"\(handle)\")")
            #expect(replaced.status == 200, "the session that ends for it is named")
            let nothing = try Self.object(try await Self.upgrade(core, "x", newest))
            #expect(nothing["status"] == "UNAUTHORISED")
        }
    }

    @Test("AN06 to AN11: another person acts as a user at every version, and each entry of the audit log says who")
    func impersonation() async throws {
        let actor: JSONValue = ["sub": "support:mara", "iss": "https://staff.example.com"]
        try await Core.run(.value, clock: TestClock()) { core in
            for version in Generation.all {
                let body: JSONObject = [
                    "userId": "u", "actor": actor, "reason": "ticket", "lifetime": 60, "payload": ["k": 1],
                ]
                let begun = try Self.object(
                    try await core.send(
                        "POST", "/tessera/session/impersonate", body.text, version: version.description))
                let session = begun["session"]?.object
                #expect(session?["userDataInJWT"]?.object?["act"] == actor, "\(version)")
                let next = try Self.object(try await Self.refresh(core, Self.token(begun), version))
                #expect(next["session"]?.object?["userDataInJWT"]?.object?["act"] == actor, "\(version)")
                let stepUp = try await core.send(
                    "POST", "/tessera/session/authenticated",
                    (["refreshToken": .string(try Self.token(next)), "level": "aal2"] as JSONObject).text,
                    version: version.description)
                #expect(stepUp.status == 403, "\(version)")
                let handle = session?["handle"]?.string ?? ""
                let end = (["sessionHandle": .string(handle)] as JSONObject).text
                for existed in [true, false] {
                    let ended = try Self.object(
                        try await core.send(
                            "POST", "/tessera/session/impersonate/end", end, version: version.description))
                    #expect(ended == ["status": "OK", "didExist": .bool(existed)], "\(version)")
                }
                let log = try Self.object(
                    try await core.send("GET", "/tessera/audit", query: "sessionHandle=\(handle)"))
                let records = (log["records"]?.array ?? []).compactMap(\.object)
                #expect(
                    records.count >= 2 && records.allSatisfy { $0["details"]?.object?["act"] == actor }, "\(version)")
                #expect(records.contains { $0["means"] == "impersonationEnd" && $0["actor"] == "admin" })
            }
        }
    }

    @Test(
        "AN06: an actor, a reason or a lifetime of another form is 400",
        arguments: [
            #""actor":{},"reason":"r""#, #""actor":{"sub":1},"reason":"r""#, #""actor":{"sub":""},"reason":"r""#,
            #""actor":{"sub":"a}b"},"reason":"r""#, #""actor":{"sub":"a","iss":2},"reason":"r""#,
            #""actor":{"sub":"a"},"reason":"""#, #""actor":{"sub":"a"},"reason":"r","lifetime":59"#,
            #""actor":{"sub":"a"},"reason":"r","lifetime":3601"#, #""actor":{"sub":"a"},"reason":"r","lifetime":"60""#,
            #""actor":"a","reason":"r""#, #""actor":{"sub":"a"}"#,
        ])
    func forms(fields: String) async throws {
        try await Core.run(.value, clock: TestClock()) { core in
            let reply = try await core.send("POST", "/tessera/session/impersonate", #"{"userId":"u",\#(fields)}"#)
            #expect(reply.status == 400, "\(reply.body)")
        }
    }
}
