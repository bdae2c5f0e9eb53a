import Foundations
import HTTPTypes
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

/// What must not cost a browser its session, and what must not help who has copied its jar.
@Suite("Sessions that are bound to the device of a browser, when something goes wrong")
struct DeviceFaultTests {
    @Test("a link on another site leads a user whose bound cookie has ended to the page, through one of the API's own")
    func link() async throws {
        let world = try await DeviceWorld { $0.signInPage = "/login" }
        try await world.run { way in
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            for seconds in [601, 3_600, 100_000] {
                world.clock.advance(by: .seconds(seconds))
                for path in ["/safe", "/me"] {
                    let reply = try await browser.follow(path, from: "mail.test")
                    #expect(
                        reply.status == 200 && reply.body == handle, "\(path): \(browser.visited) \(browser.events)")
                }
            }
            var thief = browser
            thief.bound = nil
            thief.jar["__Host-st-dbsc"] = nil
            world.clock.advance(by: .seconds(3_600))
            let reply = try await thief.follow("/me", from: "mail.test")
            #expect(reply.status == 404, "the page of sign-in, which this application does not have: \(reply.status)")
            #expect(thief.jar["__Host-sRefreshToken"] == nil && thief.jar["__Secure-sRefreshToken"] == nil)
            #expect(try await browser.follow("/me", from: "mail.test").body == handle)
        }
    }

    @Test(
        "who copies a jar and polls with it gets no token after its cookie has ended, and keeps none for longer than one life",
        arguments: 0..<20)
    func pollingThief(round: Int) async throws {
        var random = SplitMix64(seed: UInt64(round))
        let world = try await DeviceWorld()
        let steps = (0..<120).map { _ in (delay: Int(30 + random.next() % 60), isOwner: random.next() % 2 == 0) }
        let isOwnerAway = round % 2 == 0
        try await world.run { way in
            var (owner, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            var thief = owner
            (thief.bound, thief.events) = (nil, [])
            let end = try #require(owner.jar["__Host-st-dbsc"]?.until) + .seconds(30)
            var (kept, given, accepted) = (thief.jar, world.clock.time, 0)
            for (delay, isOwner) in steps {
                world.clock.advance(by: .seconds(delay))
                if isOwner, !isOwnerAway { _ = try await owner.call(.post, DeviceWorld.refresh) }
                // The thief keeps the newest of what it has ever got, whatever an answer takes away.
                kept = kept.mapValues {
                    var cookie = $0
                    cookie.until = nil
                    return cookie
                }
                thief.jar = kept
                let now = world.clock.time
                let page = try await thief.call(.get, "/me")
                if page.status == 200 {
                    accepted += 1
                    kept = thief.jar
                    #expect(
                        now <= end + .seconds(3_600), "seed \(round): one access token's life later nothing is good")
                }
                thief.jar = kept
                let refreshed = try await thief.call(.post, DeviceWorld.refresh)
                guard refreshed.status == 200 else {
                    #expect(refreshed.front == nil)
                    continue
                }
                (kept, given) = (thief.jar, now)
            }
            #expect(given <= end && accepted > 0, "seed \(round): after the cookie's end nothing is given")
            let events = try await world.events(handle)
            #expect(
                events.contains { $0.hasPrefix("binding_refused") || $0.hasPrefix("reuse_detected") }, "it is noted")
            if !isOwnerAway, !events.contains(where: { $0.hasPrefix("reuse_detected") }) {
                #expect(try await owner.call(.post, DeviceWorld.refresh).status == 200, "the owner stays")
            }
        }
    }

    @Test("the page of its own is plain, kept by no cache, and takes nothing, whatever the link says that leads there")
    func ownPage() async throws {
        let world = try await DeviceWorld { $0.signInPage = "/login" }
        try await world.run { way in
            var (browser, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            world.clock.advance(by: .seconds(601))
            let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate")]
            let path = DeviceWorld.refresh + "?returnTo=%2F%22%3E&x=\"<"
            for site in ["cross-site", "same-site"] {
                for (path, seconds) in [(path, 0), (path + "&own=1", 1)] {
                    let fields = browser.cookies(for: path) + page + [("sec-fetch-site", site)]
                    let reply = try await way.call(.get, path, fields)
                    #expect(reply.status == 200 && reply["cache-control"] == "no-store" && reply.setCookies.isEmpty)
                    let end =
                        "content=\"\(seconds);url=\(DeviceWorld.refresh)?returnTo=%2F%22%3E&amp;x=&quot;&lt;&amp;own=1\">"
                    #expect(reply.body.hasSuffix(end), "\(reply.body)")
                }
                let image = browser.cookies(for: path) + [("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")]
                #expect(try await way.call(.get, path + "&own=1", image).setCookies.isEmpty)
            }
            for site in ["cross-site", "same-site", "same-origin", "none"] {
                let reply = try await way.call(.get, path, page + [("sec-fetch-site", site)])
                #expect(reply.status == 303 && reply.fields[values: .location].count == 1, "nothing to lose: \(site)")
            }
            #expect(try await way.call(.get, path, page).status == 303, "a browser that cannot bind sessions")
            #expect(
                try await browser.follow(DeviceWorld.refresh + "?own=1&returnTo=/safe", from: "mail.test").status == 200
            )
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200, "no link has signed the user out")
        }
    }

    @Test("a page with the cookie of the session before asks once more, and then the user has to")
    func otherCookieOfPage() async throws {
        let world = try await DeviceWorld { $0.signInPage = "/login" }
        try await world.run { way in
            let (before, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            world.clock.advance(by: .seconds(300))
            var late = try #require(before.jar["__Host-st-dbsc"])
            late.until = world.clock.time + .seconds(500)
            browser.jar["__Host-st-dbsc"] = late
            let cookies = browser.cookies(for: DeviceWorld.refresh)
            let page = cookies + [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")]
            let first = try await way.call(.get, DeviceWorld.refresh, page)
            #expect(first.status == 200 && first.setCookies.count == 1 && first.cookie("__Host-st-dbsc") == "")
            #expect(first.body.contains("content=\"1;url=\(DeviceWorld.refresh)?own=1\""))
            let second = try await way.call(.get, DeviceWorld.refresh + "?own=1", page)
            #expect(second.status == 503 && second.setCookies.count == 1)
            let script = try await way.call(.get, DeviceWorld.refresh, cookies)
            #expect(script.status == 503, "what asks for no page is not answered with one")
            let reply = try await browser.follow("/safe", from: "mail.test")
            #expect(reply.status == 200 && reply.body == handle, "\(browser.visited)")
        }
    }

    @Test("an answer of storage that is lost binds no session without its browser", arguments: 0..<3)
    func lostAnswer(number: Int) async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let reply = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let offer = try #require(reply["secure-session-registration"].flatMap(Offer.init))
            let fields = [
                ("cookie", "__Host-sAccessToken=\(reply.cookie("__Host-sAccessToken") ?? "")"),
                ("secure-session-response", try TestDeviceKey().registration(offer.challenge)),
            ]
            world.away.loseAnswer(after: number)
            #expect(try await way.call(.post, offer.path, fields).status == 200)
            world.away.loseAnswer(after: -1)
            #expect(try await world.events(reply.body).filter { $0 == "bound" }.count == 1)
        }
    }

    @Test("the cookie of the session before makes a browser renew its own, and costs it nothing")
    func otherCookie() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (before, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            world.clock.advance(by: .seconds(300))
            var late = try #require(before.jar["__Host-st-dbsc"])
            late.until = world.clock.time + .seconds(500)
            browser.jar["__Host-st-dbsc"] = late
            let refused = try await browser.call(.post, DeviceWorld.refresh)
            #expect(refused.status == 503 && refused.setCookies.count == 1 && browser.jar["__Host-st-dbsc"] == nil)
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(try await browser.call(.get, "/bound").body == handle)
            #expect(try await world.events(handle).contains("binding_refused not_yet"))
        }
    }

    @Test("a browser whose clock was set back keeps its session, and renews the cookie that it would keep for hours")
    func browserClock() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            let until = try #require(browser.jar["__Host-st-dbsc"]?.until)
            browser.jar["__Host-st-dbsc"]?.until = until + .seconds(7 * 3_600)
            world.clock.advance(by: .seconds(700))
            let refused = try await browser.call(.post, DeviceWorld.refresh)
            #expect(refused.status == 503 && refused.setCookies.count == 1 && browser.jar["__Host-st-dbsc"] == nil)
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(try await browser.call(.get, "/bound").body == handle)
            #expect(browser.events == [.registered, .renewed(requests: 2)])
            #expect(try await world.events(handle).contains("binding_refused old"))
        }
    }

    @Test("a jar that was copied long ago ends no session by a revocation, and the current token does")
    func revocation() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            for isBound in [true, false] {
                var browser = world.browser(way)
                browser.isOld = !isBound
                let handle = try await browser.call(.post, "/sign-in", [("st-auth-mode", "cookie")]).body
                func token() throws -> (String, String) {
                    let kept = try #require(browser.jar["__Secure-sRefreshToken"]).value
                    let token = [("%2B", "+"), ("%2F", "/"), ("%3D", "=")].reduce(kept) {
                        $0.replacing($1.0, with: $1.1)
                    }
                    return ("authorization", "Bearer \(token)")
                }
                let copied = try token()
                for _ in 0..<3 {
                    world.clock.advance(by: .seconds(300))
                    #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
                }
                #expect(try await way.call(.post, "/auth/session/revoke", [copied]).status == 200)
                #expect(try await browser.call(.post, DeviceWorld.refresh).status == (isBound ? 200 : 401))
                let events = try await world.events(handle)
                #expect(
                    events.contains("reuse_detected") != isBound && events.contains("binding_refused cookie") == isBound
                )
                guard isBound else { return }
                #expect(try await way.call(.post, "/auth/session/revoke", [token()]).status == 200)
                #expect(try await world.events(handle).last == "revoked")
            }
        }
    }

    @Test("a request that left before the session was bound is asked to wait, and keeps its tokens")
    func overtaken() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            var tab = browser
            (tab.bound, tab.jar["__Host-st-dbsc"]) = (nil, nil)
            for (seconds, status) in [(0, 503), (120, 503), (1, 401)] {
                world.clock.advance(by: .seconds(seconds))
                let reply = try await way.call(.post, DeviceWorld.refresh, tab.cookies(for: DeviceWorld.refresh))
                #expect(reply.status == status && reply.setCookies.isEmpty == (status == 503), "\(seconds)")
            }
        }
    }

    @Test("a name of the API that the instructions do not have, and access tokens of others, bind nothing")
    func others() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let first = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let second = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let offer = try #require(first["secure-session-registration"].flatMap(Offer.init))
            let proof = ("secure-session-response", try TestDeviceKey().registration(offer.challenge))
            func cookie(_ reply: Reply) -> String {
                "__Host-sAccessToken=\(reply.cookie("__Host-sAccessToken") ?? "")"
            }
            let own = ("cookie", cookie(first))
            for fields in [
                [own, ("origin", "https://t1.example.com")], [own, ("origin", "null")], [],
                // What a script of the API's own origin sends, which may have read the offer.
                [own, ("sec-fetch-mode", "cors")], [own, ("sec-fetch-mode", "same-origin")],
                [("cookie", cookie(second))],
                [("cookie", cookie(first) + "; " + cookie(second))],
            ] {
                #expect(try await way.call(.post, DeviceWorld.register, fields + [proof]).status == 403, "\(fields)")
            }
            world.clock.advance(by: .seconds(59))
            #expect(
                try await way.call(
                    .post, DeviceWorld.register,
                    [own, ("origin", DeviceWorld.api), ("sec-fetch-mode", "no-cors"), proof]
                ).status == 200)
        }
    }

    @Test("a browser is asked to bind a session only where requests of the page that signs in make it renew the cookie")
    func pages() async throws {
        let world = try await DeviceWorld {
            $0.trustedOrigins = ["https://admin.example.com", "capacitor://localhost"]
        }
        let cases: [(String?, Bool)] = [
            (nil, true), (DeviceWorld.api, true), ("https://app.example.com", true),
            ("https://admin.example.com:8443", true), ("https://accounts.example.com", false), ("null", false),
            ("https://example.com", false), ("capacitor://localhost", false), ("", false),
        ]
        try await world.run { way in
            for (page, isOffered) in cases {
                let fields = [("st-auth-mode", "cookie")] + (page.map { [("origin", $0)] } ?? [])
                let reply = try await way.call(.post, "/sign-in", fields)
                #expect(reply.status == 200, "\(page ?? "-")")
                #expect((reply["secure-session-registration"] != nil) == isOffered, "\(page ?? "-")")
            }
        }
    }

    @Test("of several websites those bind that are trusted, as browsers renew for no others")
    func websites() async throws {
        let pages = ["https://t1.example.com", "https://t2.example.com"]
        let world = try await DeviceWorld(website: .perRequest { _ in pages[0] }) {
            ($0.cookieSameSite, $0.trustedOrigins) = (.lax, [pages[1]])
        }
        try await world.run { way in
            for page in pages {
                var browser = world.browser(way)
                browser.page = String(page.dropFirst(8))
                let isBound = page == pages[1]
                let fields = [("st-auth-mode", "cookie"), ("origin", page)]
                let handle = try await browser.call(.post, "/sign-in", fields).body
                #expect(browser.events == (isBound ? [.registered] : []))
                #expect(browser.bound?.initiators == (isBound ? ["t2.example.com"] : nil))
                world.clock.advance(by: .seconds(1_000))
                #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200, "\(page)")
                #expect(try await browser.call(.get, "/safe").body == handle)
            }
        }
    }

    @Test("two access tokens in a jar, one of which another host has planted, end no key")
    func planted() async throws {
        let world = try await DeviceWorld { $0.cookieNaming = .superTokens }
        try await world.run { way in
            let (browser, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            let other = try await way.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            let planted = "sAccessToken=\(other.cookie("sAccessToken") ?? "")"
            let bound = try #require(browser.bound)
            let own = try #require(browser.cookies(for: "/").first?.1)
            for (cookies, isEnded) in [(own, false), ("\(planted); \(own)", false), (planted, true)] {
                let fields = [
                    ("sec-secure-session-id", bound.identifier), ("cookie", cookies),
                    ("secure-session-response", try bound.key.renewal(bound.challenge ?? "")),
                ]
                let reply = try await way.call(.post, DeviceWorld.renew, fields)
                #expect(reply.status == 200 && (reply.json?["continue"] == false) == isEnded, "\(reply.body)")
            }
        }
    }

    @Test(
        "what a browser would refuse, or never renew, is refused when the application starts",
        arguments: ["assets/", "/", "/auth", "/auth/session/refresh", "/a b", "/\u{e9}", "/a?b", ""])
    func excluded(path: String) async throws {
        await #expect(throws: SessionError.self) {
            try await DeviceWorld { $0.deviceBindingExcludedPaths = ["/assets/", path] }
        }
    }

    @Test("both routes are needed, or neither", arguments: [SessionRoute.deviceRegistration, .deviceRenewal])
    func routes(route: SessionRoute) async throws {
        await #expect(throws: SessionError.self) { try await DeviceWorld { $0.routes.remove(route) } }
        _ = try await DeviceWorld(.off) { $0.routes.remove(route) }
    }
}
