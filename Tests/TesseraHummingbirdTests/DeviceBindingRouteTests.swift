import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

/// One test for each row of the table of corrections to Device Bound Session Credentials (docs/dbsc.md), with a browser that does
/// what Chromium 156 was seen to do.
@Suite("Sessions that are bound to the device of a browser, over HTTP")
struct DeviceBindingRouteTests {
    /// Signs in and has the session bound.
    static func signedIn(
        _ world: DeviceWorld, _ way: Browser, isQuoted: Bool = false
    ) async throws -> (DeviceBrowser, handle: String) {
        var browser = world.browser(way, isQuoted: isQuoted)
        let reply = try await browser.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
        #expect(reply.status == 200 && browser.events == [.registered], "\(browser.events)")
        return (browser, reply.body)
    }

    /// The fields of a request of the browser itself.
    static func own(_ browser: DeviceBrowser, _ others: [(String, String)]) -> [(String, String)] {
        browser.cookies(for: "/") + others
    }

    @Test("the whole life: sign-in, renewal ahead, renewal by need, refresh, sign-out", arguments: [false, true])
    func life(isQuoted: Bool) async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await Self.signedIn(world, way, isQuoted: isQuoted)
            for path in ["/me", "/safe", "/bound"] { #expect(try await browser.call(.get, path).body == handle) }
            world.clock.advance(by: .seconds(449))
            #expect(try await browser.call(.get, "/bound").status == 200)
            #expect(browser.events == [.registered], "no renewal while more than 120 s are left")
            world.clock.advance(by: .seconds(1))
            #expect(try await browser.call(.get, "/bound").status == 200)
            #expect(browser.events.last == .renewed(requests: 1), "DB06: the challenge came with the registration")
            world.clock.advance(by: .seconds(3_600))
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(browser.events.last == .renewed(requests: 2), "DB05: an old challenge is one round more")
            #expect(try await browser.call(.get, "/bound").status == 200)
            #expect(try await browser.call(.post, "/auth/signout").status == 200)
            #expect(browser.jar.isEmpty, "\(browser.jar.keys)")
            _ = try await browser.call(.get, "/me")
            #expect(browser.events.last == .forgotten("the server says so") && browser.statuses == [200, 403])
            let events = try await world.events(handle).filter { $0 != "refreshed" }
            #expect(events == ["created", "bound", "revoked"])
        }
    }

    @Test("DB01: fields come raw or in one layer of quotes, once, without parameters")
    func db01() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await Self.signedIn(world, way)
            let bound = try #require(browser.bound)
            let proof = try bound.key.renewal(try #require(bound.challenge))
            let cases: [([String], [String], Int)] = [
                ([bound.identifier], [proof], 200), (["\"\(bound.identifier)\""], ["\"\(proof)\""], 200),
                ([bound.identifier], ["\"\"\(proof)\"\""], 403), ([bound.identifier], ["\(proof);a=b"], 403),
                ([bound.identifier], ["\"\(proof)\";a=b"], 403), ([bound.identifier], [proof, proof], 403),
                ([bound.identifier], ["\(proof), \(proof)"], 403),
                ([bound.identifier, bound.identifier], [proof], 403),
                (["\(bound.identifier);a=b"], [proof], 403), ([bound.identifier], [""], 403), ([], [proof], 403),
            ]
            for (identifiers, proofs, status) in cases {
                let fields =
                    identifiers.map { ("sec-secure-session-id", $0) } + proofs.map { ("secure-session-response", $0) }
                let reply = try await way.call(.post, DeviceWorld.renew, Self.own(browser, fields))
                #expect(reply.status == status, "\(fields)")
            }
        }
    }

    @Test("DB02 and DB15: the offer always has a challenge; Authorization is read over, as a field and as a claim")
    func db02() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let reply = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let offer = try #require(reply["secure-session-registration"].flatMap(Offer.init))
            #expect(offer.algorithms == "ES256" && offer.path == DeviceWorld.register)
            let cookie = "__Host-sAccessToken=\(try #require(reply.cookie("__Host-sAccessToken")))"
            let proof = try TestDeviceKey().registration(offer.challenge, claims: ["authorization": "x", "aud": "y"])
            let fields = [("cookie", cookie), ("authorization", "ac"), ("secure-session-response", proof)]
            #expect(try await way.call(.post, offer.path, fields).status == 200)
        }
    }

    @Test("DB03 and DB04: what a browser would forget its key for is never answered, not even while storage is away")
    func db03() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await Self.signedIn(world, way)
            let offered = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let offer = try #require(offered["secure-session-registration"].flatMap(Offer.init))
            let identifier = try #require(browser.bound?.identifier)
            let proof = try TestDeviceKey().registration(offer.challenge)
            world.away.isSo = true
            let access = ("cookie", "__Host-sAccessToken=\(offered.cookie("__Host-sAccessToken") ?? "")")
            let attempts: [(String, [(String, String)])] = [
                (DeviceWorld.register, [access, ("secure-session-response", proof)]),
                (DeviceWorld.renew, [("sec-secure-session-id", identifier)]),
            ]
            for (path, fields) in attempts {
                let reply = try await way.call(.post, path, fields)
                #expect(reply.status == 503 && reply["retry-after"] == "1", "\(path)")
            }
            world.clock.advance(by: .seconds(600))
            let refused = try await browser.call(.post, DeviceWorld.refresh)
            #expect(refused.status == 503 && browser.events.last == .skipped("server_error") && browser.bound != nil)
            world.away.isSo = false
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(try await world.events(handle).contains { $0.hasPrefix("binding_refused") } == false)
            // A session of which the server knows nothing has ended for it, and that is said with 200.
            let odd: [([(String, String)], renewal: Int)] = [
                ([], 403), ([("sec-secure-session-id", "x")], 200),
                ([("sec-secure-session-id", identifier), ("cookie", "a=b")], 403),
                ([("secure-session-response", "x")], 403),
                ([("sec-secure-session-id", identifier), ("origin", "https://evil.example")], 403),
                (
                    [
                        ("sec-secure-session-id", identifier),
                        ("secure-session-response", String(repeating: "a", count: 5_000)),
                    ], 403
                ),
            ]
            for (fields, renewal) in odd {
                #expect(try await way.call(.post, DeviceWorld.renew, fields).status == renewal, "\(fields.map(\.0))")
                #expect(try await way.call(.post, DeviceWorld.register, fields).status == 403, "\(fields.map(\.0))")
            }
        }
    }

    @Test("DB05: a good proof is never asked for twice, and the challenge before is good too")
    func db05() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await Self.signedIn(world, way)
            var bound = try #require(browser.bound)
            var challenges = [try #require(bound.challenge)]
            for _ in 0..<5 {
                world.clock.advance(by: .seconds(100))
                // DB12: the same proof again is what a browser has in its cache.
                for challenge in challenges.suffix(2) + challenges.suffix(2) {
                    let fields = [
                        ("sec-secure-session-id", bound.identifier),
                        ("secure-session-response", try bound.key.renewal(challenge)),
                    ]
                    let reply = try await way.call(.post, DeviceWorld.renew, Self.own(browser, fields))
                    #expect(reply.status == 200)
                    bound.challenge = reply.fields[HTTPField.Name.challenge].flatMap(Challenge.init)?.text
                }
                challenges.append(try #require(bound.challenge))
            }
            #expect(Set(challenges).count == 6)
        }
    }

    @Test("DB07: a challenge is a list of one string with the parameter id, beside the cookie that it is for")
    func db07() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await Self.signedIn(world, way)
            let bound = try #require(browser.bound)
            let asked = try await way.call(
                .post, DeviceWorld.renew, Self.own(browser, [("sec-secure-session-id", bound.identifier)]))
            #expect(asked.status == 403 && asked.setCookies.isEmpty)
            let challenge = try #require(asked["secure-session-challenge"].flatMap(Challenge.init))
            #expect(challenge.identifier == bound.identifier)
            #expect(asked.fields[values: HTTPField.Name.challenge].count == 1)
            #expect(asked["cache-control"] == "no-store")
        }
    }

    @Test("DB08, DB13 and DB16: the instructions have the attributes of the cookie, and leave the two endpoints out")
    func db08() async throws {
        let world = try await DeviceWorld { $0.deviceBindingExcludedPaths = ["/assets/"] }
        try await world.run { way in
            var (browser, _) = try await Self.signedIn(world, way)
            let bound = try #require(browser.bound)
            #expect(bound.cookieName == "__Host-st-dbsc" && bound.refreshURL == DeviceWorld.renew)
            #expect(browser.jar[bound.cookieName]?.attributes == bound.attributes)
            #expect(bound.attributes == ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"])
            #expect(bound.excluded == ["/auth/session/dbsc/", "/assets/"])
            world.clock.advance(by: .seconds(460))
            let reply = try await way.call(
                .post, DeviceWorld.renew,
                Self.own(
                    browser,
                    [
                        ("sec-secure-session-id", bound.identifier),
                        ("secure-session-response", try bound.key.renewal(bound.challenge ?? "")),
                    ]))
            #expect(reply.json?["session_identifier"] == .string(bound.identifier))
            let attributes = reply.attributes("__Host-st-dbsc")
            #expect(attributes.contains("Max-Age=570") && !attributes.contains { $0.hasPrefix("Domain") })
            // An excluded path neither waits nor renews.
            _ = try await browser.call(.get, "/assets/x")
            #expect(browser.events == [.registered])
        }
    }

    @Test("DB09: the website's host may make the browser renew; where it is the API's own, nothing is said")
    func db09() async throws {
        let split = try await DeviceWorld {
            $0.trustedOrigins = ["https://admin.example.com", "https://api.example.com"]
        }
        try await split.run { way in
            var (browser, _) = try await Self.signedIn(split, way)
            #expect(browser.bound?.initiators == ["app.example.com", "admin.example.com"])
            split.clock.advance(by: .seconds(600))
            browser.page = "other.example.com"
            #expect(try await browser.call(.get, "/bound").status == 401, "silently not renewed")
            browser.page = "app.example.com"
            #expect(try await browser.call(.get, "/bound").status == 200)
        }
        let single = try await DeviceWorld(website: .fixed(DeviceWorld.api))
        try await single.run { way in
            let (browser, _) = try await Self.signedIn(single, way)
            #expect(browser.bound?.initiators == [])
        }
    }

    @Test("DB10: the browser's own requests pass whatever protects others against CSRF", arguments: [0, 1, 2])
    func db10(row: Int) async throws {
        let kinds: [SessionConfiguration.AntiCSRF] = [.automatic, .viaToken, .viaCustomHeader]
        let world = try await DeviceWorld { $0.antiCSRF = kinds[row] }
        try await world.run { way in
            var (browser, _) = try await Self.signedIn(world, way)
            world.clock.advance(by: .seconds(500))
            #expect(try await browser.call(.get, "/bound").status == 200)
            #expect(browser.events == [.registered, .renewed(requests: 1)])
        }
    }

    @Test("DB11: a browser whose quota is spent waits, and neither loses its session nor is let in without the cookie")
    func db11() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await Self.signedIn(world, way)
            browser.hasQuota = true
            for _ in 0..<6 {
                browser.jar["__Host-st-dbsc"] = nil
                browser.bound?.signed = nil
                #expect(try await browser.call(.get, "/bound").status == 200)
                world.clock.advance(by: .seconds(1))
            }
            browser.jar["__Host-st-dbsc"] = nil
            for (method, path) in [(HTTPRequest.Method.post, DeviceWorld.refresh), (.get, "/safe"), (.get, "/bound")] {
                let reply = try await browser.call(method, path)
                #expect(reply.status == 503 && reply["retry-after"] == "1" && reply.setCookies.isEmpty, "\(path)")
                #expect(browser.events.last == .skipped("quota_exceeded"))
            }
            #expect(try await browser.call(.get, "/me").status == 200, "a route that does not ask")
            world.clock.advance(by: .seconds(540))
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(try await world.events(handle).contains("binding_refused skipped"))
        }
    }

    @Test("DB12: a challenge is good for ten minutes, and who has only captured a proof gets one cookie more by it")
    func db12() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await Self.signedIn(world, way)
            let bound = try #require(browser.bound)
            let captured = [
                ("sec-secure-session-id", bound.identifier),
                ("secure-session-response", try bound.key.renewal(bound.challenge ?? "")),
            ]
            for (seconds, status) in [(0, 200), (600, 200), (1, 403)] {
                world.clock.advance(by: .seconds(seconds))
                #expect(try await way.call(.post, DeviceWorld.renew, captured).status == status)
            }
        }
    }

    @Test("DB14: claims of other releases count for nothing, and need not be there")
    func db14() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await Self.signedIn(world, way)
            let bound = try #require(browser.bound)
            let proof = try bound.key.renewal(
                bound.challenge ?? "", claims: ["aud": "https://other.example", "iat": 0, "sub": "x", "key": "y"])
            let fields = [("sec-secure-session-id", bound.identifier), ("secure-session-response", proof)]
            #expect(try await way.call(.post, DeviceWorld.renew, fields).status == 200)
        }
    }

    @Test("DB17: what is cleared at sign-out is the bound cookie too, and then the key")
    func db17() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, _) = try await Self.signedIn(world, way)
            let reply = try await browser.call(.post, "/auth/signout")
            #expect(reply.cookie("__Host-st-dbsc") == "" && reply["clear-site-data"] == nil)
            world.clock.advance(by: .seconds(10))
            _ = try await browser.call(.get, "/me")
            #expect(browser.bound == nil)
        }
    }

    @Test("DB18: one offer for each authentication, and a second key is refused, with an audit entry")
    func db18() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await Self.signedIn(world, way)
            for (method, path) in [(HTTPRequest.Method.get, "/me"), (.post, DeviceWorld.refresh)] {
                #expect(try await browser.call(method, path)["secure-session-registration"] == nil, "\(path)")
            }
            var thief = browser
            (thief.bound, thief.events) = (nil, [])
            let stepped = try await thief.call(.post, DeviceWorld.refresh + "/second")
            #expect(stepped.status == 200 && stepped["secure-session-registration"] == nil, "bound already")
            let first = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let offer = try #require(first["secure-session-registration"].flatMap(Offer.init))
            let cookie = ("cookie", "__Host-sAccessToken=\(first.cookie("__Host-sAccessToken") ?? "")")
            for (key, status) in [(TestDeviceKey(), 200), (TestDeviceKey(), 403)] {
                let proof = ("secure-session-response", try key.registration(offer.challenge))
                #expect(try await way.call(.post, offer.path, [cookie, proof]).status == status)
            }
            #expect(try await world.events(first.body) == ["created", "bound", "binding_refused other_key"])
            #expect(try await world.events(handle).contains { $0.hasPrefix("binding_refused") } == false)
        }
    }
}
