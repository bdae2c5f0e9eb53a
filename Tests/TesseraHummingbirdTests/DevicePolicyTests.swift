import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

@Suite("What becomes of browsers with and without a key in their device")
struct DevicePolicyTests {
    @Test(
        "a copied jar is good until the bound cookie ends, then it is refused and noted, and the owner stays",
        arguments: 0..<100)
    func copiedJar(round: Int) async throws {
        var random = SplitMix64(seed: UInt64(round))
        let world = try await DeviceWorld()
        let delays = (0..<4).map { _ in Int(random.next() % 1_400) }
        let isCopiedLate = random.next() % 2 == 0
        try await world.run { way in
            var (owner, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            if isCopiedLate {
                for delay in delays.prefix(2) {
                    world.clock.advance(by: .seconds(delay))
                    #expect(try await owner.call(.post, DeviceWorld.refresh).status == 200)
                    #expect(try await owner.call(.get, "/bound").status == 200)
                }
            }
            // All cookies of the profile, and no key.
            var thief = owner
            (thief.bound, thief.events) = (nil, [])
            let good = try #require(owner.jar["__Host-st-dbsc"]?.until) - world.clock.time
            #expect(try await thief.call(.get, "/bound").body == handle, "seed \(round): until the cookie ends")
            // A thief's client keeps what it has copied, whatever its age.
            thief.jar = thief.jar.mapValues {
                var cookie = $0
                cookie.until = nil
                return cookie
            }
            world.clock.advance(by: .milliseconds(good.count + 30_001))
            let attempts: [[(String, String)]] = [
                [], [("secure-session-skipped", "quota_exceeded;session_identifier=\"x\"")],
            ]
            for fields in attempts {
                let isSkipped = !fields.isEmpty
                let page = try await thief.call(.get, "/bound", fields)
                #expect(page.status == (isSkipped ? 503 : 401), "seed \(round)")
                var copy = thief
                let refused = try await copy.call(.post, DeviceWorld.refresh, fields)
                #expect(refused.status == 503 && refused.front == nil && refused.set.isEmpty, "seed \(round)")
                #expect(refused.setCookies.count == 1 && refused.cookie("__Host-st-dbsc") == "", "it is removed")
                // No other browser sends what has ended, and none sends what was removed.
                let bare = try await copy.call(.post, DeviceWorld.refresh)
                #expect(bare.status == 401 && bare.set.isEmpty && copy.jar.isEmpty, "seed \(round)")
            }
            #expect(try await world.events(handle).contains("binding_refused old"), "seed \(round): noted")
            for delay in delays.suffix(2) {
                world.clock.advance(by: .seconds(delay))
                #expect(try await owner.call(.get, "/bound").body == handle, "seed \(round): the owner stays")
                #expect(try await owner.call(.post, DeviceWorld.refresh).status == 200)
            }
            #expect(owner.statuses.isSubset(of: [200, 403]) && owner.bound != nil)
        }
    }

    @Test("browsers and clients that cannot bind sessions notice nothing", arguments: DeviceBindingPolicy.allCases)
    func others(policy: DeviceBindingPolicy) async throws {
        let world = try await DeviceWorld(policy)
        try await world.run { way in
            var browser = world.browser(way)
            for mode in ["cookie", "header"] {
                let reply = try await way.call(.post, "/sign-in", [("st-auth-mode", mode)])
                let isOffered = mode == "cookie" && policy != .off
                #expect((reply["secure-session-registration"] != nil) == isOffered)
                #expect(reply["access-control-expose-headers"]?.contains("ecure-session") == false)
                if mode == "header" {
                    let bearer = ("authorization", "Bearer \(reply["st-refresh-token"] ?? "")")
                    #expect(try await way.call(.post, DeviceWorld.refresh, [bearer]).status == 200)
                    continue
                }
                for line in reply.setCookies {
                    guard let pair = line.split(separator: ";").first, let equals = pair.firstIndex(of: "=") else {
                        continue
                    }
                    let path = line.contains("Path=/;") ? "/" : DeviceWorld.refresh
                    browser.jar[String(pair[..<equals])] = DeviceBrowser.Cookie(
                        value: String(pair[pair.index(after: equals)...]), path: path, attributes: [], until: nil)
                }
            }
            world.clock.advance(by: .seconds(1_000))
            for path in ["/me", "/safe"] { #expect(try await browser.call(.get, path).status == 200, "\(path)") }
            #expect(try await browser.call(.get, "/bound").status == (policy == .report ? 200 : 403))
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
        }
    }

    @Test("report: nothing is refused, and what would be is in the audit log")
    func report() async throws {
        let world = try await DeviceWorld(.report)
        try await world.run { way in
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            (browser.bound, browser.jar["__Host-st-dbsc"]) = (nil, nil)
            world.clock.advance(by: .seconds(121))
            for path in ["/me", "/safe", "/bound"] { #expect(try await browser.call(.get, path).status == 200) }
            #expect(try await browser.call(.post, DeviceWorld.refresh).status == 200)
            #expect(try await world.events(handle) == ["created", "bound", "binding_refused cookie"])
        }
    }

    @Test("off again: nothing is offered, and what is bound asks for its cookie as ever")
    func off() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            let (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            var configuration = SessionConfiguration()
            configuration.deviceBinding = .off
            let sessions = try Sessions(
                app: world.sessions.app, configuration: configuration, backend: world.sessions.backend,
                clock: world.clock.source)
            func exchange(_ path: String, _ fields: [(String, String)]) throws -> SessionExchange {
                var request = HTTPRequest(method: .post, scheme: nil, authority: nil, path: path)
                for (name, value) in fields {
                    request.headerFields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
                }
                return SessionExchange(request: request)
            }
            let cookies = browser.cookies(for: DeviceWorld.refresh)
            let refreshed = try await sessions.refresh(in: try exchange(DeviceWorld.refresh, cookies))
            #expect(refreshed.handle.rawValue == handle)
            var bare = browser
            bare.jar["__Host-st-dbsc"] = nil
            let request = try exchange(DeviceWorld.refresh, bare.cookies(for: DeviceWorld.refresh))
            await #expect(throws: SessionError.self) { try await sessions.refresh(in: request) }
            let bound = try #require(browser.bound)
            let renewal = try exchange(
                DeviceWorld.renew,
                [
                    ("sec-secure-session-id", bound.identifier),
                    ("secure-session-response", try bound.key.renewal(bound.challenge ?? "")),
                ])
            #expect(await sessions.answer(.deviceRenewal, in: renewal).status == .ok)
            #expect(await sessions.answer(.deviceRegistration, in: renewal).status == .forbidden)
            let created = try exchange("/sign-in", [("st-auth-mode", "cookie")])
            _ = try await sessions.create(userID: "u", in: created)
            var fields = HTTPFields()
            created.changes.apply(to: &fields)
            #expect(fields[.secureSessionRegistration] == nil)
        }
    }

    @Test("a device that has lost its key is refused, its session lives on the server, and a new sign-in is bound anew")
    func lostKey() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, handle) = try await DeviceBindingRouteTests.signedIn(world, way)
            browser.hasLostKey = true
            world.clock.advance(by: .seconds(601))
            #expect(try await browser.call(.get, "/safe").status == 401)
            let refused = try await browser.call(.post, DeviceWorld.refresh)
            #expect(refused.status == 401 && browser.jar.isEmpty && refused["front-token"] == "remove")
            #expect(try await world.events(handle).last == "binding_refused cookie")
            #expect(try await world.sessions.handles(of: "user1").count == 1)
            browser.hasLostKey = false
            let again = try await browser.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            #expect(browser.events.suffix(2) == [.forgotten("the key is lost"), .registered])
            #expect(try await browser.call(.get, "/bound").body == again.body)
        }
    }

    @Test("after a second sign-in the browser forgets the key of the session before, and keeps the cookie of this one")
    func secondSignIn() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var (browser, _) = try await DeviceBindingRouteTests.signedIn(world, way)
            let old = try #require(browser.bound)
            let again = try await browser.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            #expect(browser.events == [.registered, .registered])
            let stale = [
                ("sec-secure-session-id", old.identifier),
                ("secure-session-response", try old.key.renewal(old.challenge ?? "")),
            ]
            let reply = try await way.call(.post, DeviceWorld.renew, browser.cookies(for: "/") + stale)
            #expect(reply.json?["continue"] == false && reply.setCookies.isEmpty)
            #expect(try await browser.call(.get, "/bound").body == again.body)
        }
    }

    @Test("a step-up and the sign-in of an anonymous user offer, an anonymous session does not")
    func stepUp() async throws {
        let world = try await DeviceWorld()
        try await world.run { way in
            var browser = world.browser(way)
            _ = try await browser.call(.post, "/anonymous", [("st-auth-mode", "cookie")])
            #expect(browser.events.isEmpty)
            let upgraded = try await browser.call(.post, DeviceWorld.refresh + "/sign-in")
            #expect(upgraded.status == 200 && browser.events == [.registered])
            #expect(try await browser.call(.get, "/bound").body == upgraded.body)
            var other = world.browser(way)
            _ = try await other.call(.post, "/sign-in", [("st-auth-mode", "cookie")])
            (other.bound, other.events) = (nil, [])
            other.jar["__Host-st-dbsc"] = nil
            for (seconds, status) in [(0, 503), (121, 401)] {
                world.clock.advance(by: .seconds(seconds))
                let reply = try await other.call(.post, DeviceWorld.refresh + "/second")
                #expect(reply.status == status, "bound, without its cookie")
            }
        }
    }

    @Test("what cannot work is refused when the sessions are opened")
    func misconfigured() async throws {
        let backend = try await DeviceWorld().sessions.backend
        func open(
            _ api: String = "https://api.example.com", _ website: AppInfo.Website? = nil,
            _ change: (inout SessionConfiguration) -> Void = { _ in }
        ) throws {
            var configuration = SessionConfiguration()
            configuration.deviceBinding = .enforce
            change(&configuration)
            _ = try Sessions(
                app: AppInfo(name: "Test", apiDomain: api, website: website), configuration: configuration,
                backend: backend)
        }
        #expect(throws: SessionError.self) { try open("http://api.example.com") }
        #expect(throws: SessionError.self) { try open { $0.cookieSecure = false } }
        #expect(throws: SessionError.self) { try open { $0.partitionsCookies = true } }
        #expect(throws: SessionError.self) { try open { $0.accessTokenPath = "/api" } }
        let many = AppInfo.Website.perRequest { _ in "https://a.example.com" }
        #expect(throws: SessionError.self) { try open("https://api.example.com", many) }
        #expect(throws: SessionError.self) { try open("https://api.example.com", many) { $0.cookieSameSite = .lax } }
        try open("https://api.example.com", many) {
            ($0.cookieSameSite, $0.trustedOrigins) = (.lax, ["https://a.example.com"])
        }
        #expect(throws: SessionError.self) { try open { $0.accessTokenPath = "/auth" } }
        try open()
    }
}
