import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Session policy on the wire (docs/policy.md)")
struct PolicyWireTests {
    static let limited = SessionPolicy(
        refreshTokenValidity: .days(100), limits: SessionLimits(idle: .seconds(900), absolute: .seconds(43_200)))

    private static let newest = generation("5.6")

    private static func generation(_ name: String) -> Generation {
        Generation.all.first { $0.description == name } ?? Generation(description: name, rank: -1)
    }

    private static func body(_ generation: Generation, user: String = "u") -> String {
        var body: JSONObject = [
            "userId": .string(user), "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
        ]
        if generation >= "2.21" { body["useDynamicSigningKey"] = true }
        return body.text
    }

    private static func create(
        _ core: Core, _ version: Generation = newest, user: String = "u", policy: String? = nil
    ) async throws -> SeenReply {
        let path = version.path("")
        var request = CoreRequest(
            method: "POST", path: path, version: version.description, body: Array(body(version, user: user).utf8))
        request.policy = policy
        return try await core.send(request)
    }

    private static func object(_ reply: SeenReply) throws -> JSONObject {
        try #require(try JSONValue(parsing: reply.body).object, "\(reply.status) \(reply.body)")
    }

    private static func refresh(
        _ core: Core, _ token: String, _ version: Generation = newest, activity: String? = nil
    ) async throws -> SeenReply {
        var body: JSONObject = ["refreshToken": .string(token), "enableAntiCsrf": false]
        if version >= "3.0" { body["useDynamicSigningKey"] = true }
        let path = version.path("refresh")
        var request = CoreRequest(
            method: "POST", path: path, version: version.description, body: Array(body.text.utf8))
        request.activity = activity
        return try await core.send(request)
    }

    @Test("Every version is told the same end in every field that tells one")
    func fields() async throws {
        let clock = TestClock(Timestamp(milliseconds: 1_700_000_000_000))
        try await Core.run(.value, policy: Self.limited, clock: clock) { core in
            for version in Generation.all {
                let begun = clock.now.milliseconds
                let created = try Self.object(try await Self.create(core, version))
                func number(_ object: JSONObject, _ token: String) -> Int64? {
                    object[token]?.object?["expiry"]?.number?.int64
                }
                #expect(number(created, "refreshToken") == begun + 900_000, "\(version)")
                #expect(number(created, "accessToken") == begun + 180_000, "\(version)")
                if !(version >= "2.21") { #expect(number(created, "idRefreshToken") == begun + 900_000, "\(version)") }
                clock.advance(by: .seconds(100))
                let token = try #require(created["refreshToken"]?.object?["token"]?.string)
                let child = try Self.object(try await Self.refresh(core, token, version))
                #expect(number(child, "refreshToken") == begun + 1_000_000, "\(version)")
                if version >= "2.8" {
                    let handle = created["session"]?.object?["handle"]?.string ?? ""
                    let read = try Self.object(
                        try await core.send(
                            "GET", "/recipe/session", query: "sessionHandle=\(handle)", version: version.description))
                    #expect(read["expiry"]?.number?.int64 == begun + 1_000_000, "\(version): what is told is stored")
                }
                guard version >= "2.4", !(version >= "2.21") else { continue }
                let shake = try Self.object(
                    try await core.send(
                        "POST", "/recipe/handshake", "{\"deviceDriverInfo\":{}}", version: version.description))
                #expect(shake["accessTokenValidity"]?.number?.int64 ?? 180_000 == 180_000, "\(version)")
                #expect(shake["refreshTokenValidity"]?.number?.int64 ?? 43_200_000 == 43_200_000, "\(version)")
            }
        }
    }

    @Test("A session can only tighten: longer wishes are cut, shorter ones count, other members are read over")
    func tightening() async throws {
        let clock = TestClock(Timestamp(milliseconds: 1_700_000_000_000))
        try await Core.run(.value, policy: Self.limited, clock: clock) { core in
            let wishes: [(String, Int64)] = [
                ("idle=7200, absolute=999999", 900), ("idle=600", 600), ("absolute=300;x=1, idle=300", 300),
                ("remember-me, nobody=knows, also=?0, bytes=:AAA=:, when=@1, decimal=1.5", 900), ("", 900),
                ("remember-me=?0,idle=120", 120), ("idle=600, idle=700", 700),
                ("acr=\"aal2\", amr=(\"pwd\" \"otp\")", 900), ("auth-time=1", -1),
                ("auth-time=1699999500,absolute=600", 100),
                // A time to come is now.
                ("auth-time=1999999500, absolute=600, idle=600", 600), ("amr=()", 900),
            ]
            for (wish, seconds) in wishes {
                let reply = try await Self.create(core, policy: wish)
                guard seconds >= 0 else {
                    #expect(reply.status == 400 && reply.body.contains("auth-time"), "\(wish): \(reply.body)")
                    continue
                }
                let end = try Self.object(reply)["refreshToken"]?.object?["expiry"]?.number?.int64
                #expect(end == clock.now.milliseconds + seconds * 1_000, "\(wish)")
            }
            let wrong = [
                "idle=1.5", "idle=\"900\"", "idle", "idle=(900)", "remember-me=1", "acr=aal2", "acr=\"\"",
                "amr=\"pwd\"",
                "amr=(pwd)", "idle=900,", "=900", "Idle=900", "idle=900 absolute=900", "idle=1234567890123456",
                "acr=\"a", "acr=\"\\n\"", "amr=(\"pwd\"", "amr=(\"pwd\"\"otp\")", "idle=--1", "auth-time=now",
                "replace=(\"a\" \"b\")", "{\"idle\":900}", "idle==900", ", idle=900",
            ]
            for wish in wrong {
                let reply = try await Self.create(core, policy: wish)
                #expect(reply.status == 400, "\(wish): \(reply.status)")
                #expect(
                    reply.body.contains("Field 'tessera-session-policy' is not a dictionary of known forms"), "\(wish)")
            }
            for wish in ["idle=119", "absolute=299", "idle=0", "idle=-5"] {
                let reply = try await Self.create(core, policy: wish)
                #expect(reply.status == 400 && reply.body.contains("at least"), "\(wish): \(reply.body)")
            }
        }
    }

    @Test("A background task does not keep a session alive, at any version", arguments: ["5.6", "5.5", "2.3"])
    func background(name: String) async throws {
        let (version, clock) = (Self.generation(name), TestClock(Timestamp(milliseconds: 1_700_000_000_000)))
        try await Core.run(.live, policy: Self.limited, clock: clock) { core in
            var token = try #require(
                try Self.object(try await Self.create(core, version))["refreshToken"]?.object?["token"]?.string)
            // A poll every 100 s, with the first use of each new access token.
            for poll in 1...8 {
                clock.advance(by: .seconds(100))
                let reply = try Self.object(try await Self.refresh(core, token, version, activity: "background"))
                #expect(reply["status"] == "OK", "poll \(poll)")
                token = try #require(reply["refreshToken"]?.object?["token"]?.string)
                #expect(reply["refreshToken"]?.object?["expiry"]?.number?.int64 == 1_700_000_900_000)
                let access = try #require(reply["accessToken"]?.object?["token"]?.string)
                var body: JSONObject = [
                    "accessToken": .string(access), "doAntiCsrfCheck": false, "enableAntiCsrf": false,
                ]
                if version >= "2.21" { body["checkDatabase"] = true }
                let path = version.path("verify")
                let verified = try await core.send("POST", path, body.text, version: version.description)
                #expect(try Self.object(verified)["status"] == "OK")
            }
            clock.advance(by: .seconds(100))
            let last = try Self.object(try await Self.refresh(core, token, version, activity: "background"))
            #expect(last["status"] == "UNAUTHORISED")
            let reply = try await Self.refresh(core, token, version, activity: "sometimes")
            #expect(reply.status == 400 && reply.body.contains("tessera-activity"))
        }
    }

    @Test("A user beside a poller stays signed in")
    func foreground() async throws {
        let clock = TestClock(Timestamp(milliseconds: 1_700_000_000_000))
        try await Core.run(.value, policy: Self.limited, clock: clock) { core in
            let created = try Self.object(try await Self.create(core, Self.generation("5.5")))
            var token = try #require(created["refreshToken"]?.object?["token"]?.string)
            for _ in 0..<20 {
                clock.advance(by: .seconds(800))
                // Both in one window: the poll opens it, and the user asks in it.
                _ = try await Self.refresh(core, token, Self.generation("5.5"), activity: "background")
                let reply = try Self.object(try await Self.refresh(core, token, Self.generation("5.5")))
                #expect(reply["status"] == "OK")
                token = try #require(reply["refreshToken"]?.object?["token"]?.string)
            }
        }
    }

    @Test("REFUSE_NEW is 409: a text for foreign drivers, the sessions for who sends a policy, and one can be replaced")
    func refusal() async throws {
        var policy = SessionPolicy()
        policy.sessionLimit = SessionLimit(3, action: .refuseNew)
        try await Core.run(.live, policy: policy, clock: TestClock()) { core in
            for _ in 0..<3 { #expect(try await Self.create(core).status == 200) }
            #expect(try await Self.create(core, user: "another").status == 200)
            let text = try await Self.create(core)
            #expect(text.status == 409 && text.contentType?.hasPrefix("text/plain") == true)
            #expect(text.body == "The user has 3 sessions, and no more are allowed\n")
            let known = try await Self.create(core, policy: "remember-me")
            #expect(known.status == 409)
            let listed = try Self.object(known)
            #expect(listed["status"] == "SESSION_LIMIT_REACHED" && listed["limit"] == 3)
            let handles = (listed["sessionHandles"]?.array ?? []).compactMap(\.string)
            #expect(handles.count == 3)
            let replaced = try await Self.create(core, policy: "replace=(\"\(handles[1])\")")
            #expect(replaced.status == 200)
            let left = try Self.object(try await core.send("GET", "/recipe/session/user", query: "userId=u"))
            let now = (left["sessionHandles"]?.array ?? []).compactMap(\.string)
            #expect(now.count == 3 && !now.contains(handles[1]))
            // Of another user nothing can be replaced.
            let foreign = try await Self.create(core, user: "another", policy: "replace=(\"\(handles[0])\")")
            #expect(foreign.status == 200)
            #expect(
                try Self.object(try await core.send("GET", "/recipe/session/user", query: "userId=u"))[
                    "sessionHandles"]?.array?.count == 3)
        }
    }
}
