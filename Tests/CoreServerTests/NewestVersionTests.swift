import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

/// What only CDI 5.6 has, beside its recorded conversations.
struct NewestVersionTests {
    private static let create: JSONObject = [
        "userId": "u", "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
    ]

    private func send(
        _ core: Core, _ path: String, _ body: JSONObject, version: String = "5.6"
    ) async throws -> (status: Int, text: String, object: JSONObject) {
        let reply = try await core.send("POST", path, body.text, version: version)
        return (reply.status, reply.body, (try? JSONValue(parsing: reply.body).object) ?? [:])
    }

    private func token(_ reply: JSONObject, _ name: String) throws -> JSONValue {
        try #require(reply[name]?.object?["token"])
    }

    private func lifetime(_ reply: JSONObject) throws -> Int64 {
        let token = try #require(reply["accessToken"]?.object)
        return try #require(token["expiry"]?.number?.int64) - (try #require(token["createdTime"]?.number?.int64))
    }

    @Test(
        "a driver may ask for a shorter life of the access token, from 5.6 on",
        arguments: [
            ("1000", 1_000), ("3600000", 3_600_000), ("1500.9", 1_000), ("0", nil), ("-1", nil), ("3600001", nil),
        ]
            as [(String, Int64?)])
    func accessTokenValidity(text: String, lifetime expected: Int64?) async throws {
        let clock = TestClock(Timestamp(milliseconds: 1_700_000_000_000))
        let core = try await Core.value(
            clock: ClockAndRandomness(time: { clock.now }, randomBits: { .random(in: 0 ... .max) }))
        var body = Self.create
        body["accessTokenValidity"] = try JSONValue(parsing: text)
        let reply = try await send(core, "/recipe/session", body)
        if let expected {
            #expect(try lifetime(reply.object) == expected)
            let refresh: JSONObject = [
                "refreshToken": try token(reply.object, "refreshToken"), "enableAntiCsrf": false,
                "useDynamicSigningKey": true, "accessTokenValidity": try JSONValue(parsing: text),
            ]
            #expect(try lifetime(try await send(core, "/recipe/session/refresh", refresh).object) == expected)
        } else {
            #expect(reply.status == 400)
            #expect(
                reply.text == "accessTokenValidity must be greater than 0 and at most the configured "
                    + "access_token_validity (3600000 ms)\n")
        }
        let earlier = try await send(core, "/recipe/session", body, version: "5.5")
        #expect(try lifetime(earlier.object) == 3_600_000)
    }

    @Test("recent reuse can be told as an ended session, older reuse cannot", arguments: [true, false])
    func recentReuse(isTheft: Bool) async throws {
        let clock = TestClock()
        let policy = SessionPolicy(rotationGracePeriod: .seconds(1), reportsRecentReuseAsTheft: isTheft)
        let core = try await Core.value(
            policy: policy, clock: ClockAndRandomness(time: { clock.now }, randomBits: { .random(in: 0 ... .max) }))
        for rotations in 1...2 {
            let first = try token(try await send(core, "/recipe/session", Self.create).object, "refreshToken")
            func refresh(_ token: JSONValue) async throws -> JSONObject {
                let body: JSONObject = ["refreshToken": token, "enableAntiCsrf": false, "useDynamicSigningKey": true]
                return try await send(core, "/recipe/session/refresh", body).object
            }
            var last = first
            for _ in 0..<rotations { last = try token(try await refresh(last), "refreshToken") }
            clock.advance(by: .seconds(121))
            let answer = try await refresh(first)
            let isLenient = rotations == 1 && !isTheft
            #expect(answer["status"] == (isLenient ? "UNAUTHORISED" : "TOKEN_THEFT_DETECTED"))
            #expect(answer["message"] == (isLenient ? "refresh token reuse detected" : nil))
            #expect(answer["recentTokenReuseSubtype"] == (rotations == 1 ? "RECENT_PREV" : "STALE_LINEAGE"))
            #expect(try await refresh(last)["status"] == "UNAUTHORISED", "the core has ended the session")
        }
    }

    @Test("the random part of a life is at most what was decided", arguments: [0.0, 0.05, 0.25])
    func jitter(most: Double) async throws {
        let dice = TestDice(seed: 99)
        let core = try await Core.value(
            policy: SessionPolicy(accessTokenValidityJitter: most),
            clock: ClockAndRandomness(time: { Timestamp(milliseconds: 1_700_000_000_000) }, randomBits: { dice.next() })
        )
        var lifetimes: Set<Int64> = []
        for _ in 0..<20 { lifetimes.insert(try lifetime(try await send(core, "/recipe/session", Self.create).object)) }
        let least = Int64(3_600_000 * (1 - most)) - 1_000
        #expect(lifetimes.allSatisfy { (least...3_600_000).contains($0) }, "\(lifetimes)")
        #expect(most == 0 ? lifetimes == [3_600_000] : lifetimes.count > 10)
    }

    @Test("a verifier that has the key set is told that it is still right")
    func validator() async throws {
        let core = try await Core.value()
        var request = CoreRequest(method: "GET", path: "/.well-known/jwks.json")
        let first = try await core.send(request)
        let validator = try #require(first.headers["etag"])
        for known in [validator, "W/\(validator)", "\"x\", \(validator)", "*"] {
            request.ifNoneMatch = known
            let second = try await core.send(request)
            #expect(second.status == 304 && second.body.isEmpty && second.headers["etag"] == validator)
            #expect(second.headers["cache-control"] != nil)
        }
        request.ifNoneMatch = "\"other\""
        #expect(try await core.send(request).status == 200)
    }
}
