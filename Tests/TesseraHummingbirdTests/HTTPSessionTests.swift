import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@Suite("Sessions over HTTP (docs/specification/cases.md F)")
struct HTTPSessionTests {
    private static let refresh = "/auth/session/refresh"

    @Test("F1 and F18: an anti-CSRF token comes beside two cookies that scripts cannot read", arguments: [0, 1])
    func antiCSRF(transport: Int) async throws {
        let fixture = try await Fixture({ $0.antiCSRF = .viaToken })
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn()
            #expect(tokens.antiCSRF != nil)
            #expect(reply["access-control-expose-headers"] == "front-token, anti-csrf")
            #expect(reply.setCookies.count == 2 && reply.setCookies.allSatisfy { $0.contains("; HttpOnly") })
            let inHeader = try await browser.signIn("header").reply
            #expect(inHeader["anti-csrf"] == nil)
        }
    }

    @Test("F2: a refresh without a refresh token ends what the client has", arguments: [0, 1])
    func refreshWithoutToken(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let reply = try await browser.call(.post, Self.refresh, [], tokens)
            #expect(reply.status == 401 && reply.message == "unauthorised")
            #expect(reply.cleared == ["cookie", "header"] && reply["front-token"] == "remove")
            #expect(reply.attributes("sAccessToken").contains("Expires=Thu, 01 Jan 1970 00:00:00 GMT"))
        }
    }

    @Test("F3: a cookie with a bad escape disturbs nothing", arguments: [0, 1])
    func badEscape(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (signedIn, tokens) = try await browser.signIn()
            let cookie = "a=b%b; sAccessToken=\(tokens.access ?? "")"
            let reply = try await browser.call(.get, "/me", [("cookie", cookie)])
            #expect(reply.body == signedIn.body)
        }
    }

    @Test(
        "F4: duplicates on refresh: the older ones are dropped, and an expired front token asks for another try",
        arguments: [0, 1])
    func duplicates(transport: Int) async throws {
        let fixture = try await Fixture({
            $0.cookieDomain = ".example.com"
            $0.olderCookieDomain = .hostOnly
        })
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let double = "sRefreshToken=old; sRefreshToken=\(tokens.refresh ?? ""); sAccessToken=a; sAccessToken=b"
            let reply = try await browser.call(.post, Self.refresh, [("cookie", double)])
            #expect(reply.status == 200)
            #expect(reply.message?.hasPrefix("The request contains multiple session cookies.") == true)
            #expect(reply.attributes("sRefreshToken").allSatisfy { !$0.hasPrefix("Domain") })
            #expect(reply.attributes("sAccessToken").allSatisfy { !$0.hasPrefix("Domain") })
            #expect(!reply.setCookies.contains { $0.contains("=.example.com; Path=/auth/session/refresh;") })
            #expect(reply.front?.expiresAt.milliseconds == 0)
            #expect(reply["access-control-expose-headers"] == "front-token")
            let strict = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(strict.status == 200 && strict.set == ["cookie"])
        }
    }

    @Test(
        "F5, ours: with no older domain known every place but the own one is cleared, and nothing is a 500",
        arguments: [0, 1])
    func unknownDuplicates(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let double = "sRefreshToken=old; sRefreshToken=\(tokens.refresh ?? "")"
            let reply = try await browser.call(.post, Self.refresh, [("cookie", double)])
            #expect(reply.status == 200)
            let lines = reply.setCookies
            #expect(lines.contains { $0.contains("Domain=supertokens.io; Path=/auth/session/refresh;") })
            #expect(lines.contains { $0.hasPrefix("sRefreshToken=; Path=/;") })
            #expect(!lines.contains { $0.hasPrefix("sRefreshToken=; Path=/auth/session/refresh;") })
        }
    }

    @Test(
        "F6, F7 and M7: duplicate access cookies ask for a refresh; in header mode they do not matter",
        arguments: [0, 1])
    func duplicateAccess(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let access = tokens.access ?? ""
            let double = ("cookie", "sAccessToken=\(access); sAccessToken=\(access)")
            let reply = try await browser.call(.get, "/me", [double])
            #expect(reply.status == 401 && reply.message == "try refresh token")
            let inHeader = try await browser.signIn("header")
            #expect(inHeader.reply.status == 200)
            let fine = try await browser.call(.get, "/me", [double], inHeader.tokens)
            #expect(fine.body == inHeader.reply.body)
            let refreshed = try await browser.call(
                .post, Self.refresh, [("cookie", "sRefreshToken=a; sRefreshToken=b")] + inHeader.tokens.refreshFields)
            #expect(refreshed.status == 200 && refreshed.set == ["header"])
        }
    }

    @Test("F8: routes can be switched off", arguments: [0, 1])
    func switchedOff(transport: Int) async throws {
        let fixture = try await Fixture({ $0.routes = [.keySet] })
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let refreshed = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            let signedOut = try await browser.call(.post, "/auth/signout", [], tokens)
            #expect(refreshed.status == 404 && signedOut.status == 404)
        }
    }

    @Test("F9: reuse of a superseded token is theft and ends the session", arguments: [0, 1])
    func theft(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, first) = try await browser.signIn()
            let second = try await browser.call(.post, Self.refresh, first.refreshFields).tokens("cookie")
            let third = try await browser.call(.post, Self.refresh, second.refreshFields)
            #expect(third.status == 200)
            fixture.test.clock.advance(by: .seconds(61))
            let late = try await browser.call(.post, Self.refresh, first.refreshFields)
            #expect(late.status == 503 && late["retry-after"] == "1" && late.cleared.isEmpty, "nobody is signed out")
            fixture.test.clock.advance(by: .seconds(60))
            let stolen = try await browser.call(.post, Self.refresh, first.refreshFields)
            #expect(stolen.status == 401 && stolen.message == "token theft detected")
            #expect(stolen.cleared == ["cookie", "header"] && stolen["front-token"] == "remove")
            let after = try await browser.call(.post, Self.refresh, third.tokens("cookie").refreshFields)
            #expect(after.status == 401 && after.message == "unauthorised")
            let left = try await fixture.test.sessions.handles(of: "user1")
            #expect(left.isEmpty)
        }
    }

    @Test("F10: the path of the access cookie", arguments: ["/access", "/"], [0, 1])
    func accessPath(path: String, transport: Int) async throws {
        let fixture = try await Fixture({ $0.accessTokenPath = path })
        try await fixture.run(transports[transport]) { browser in
            let reply = try await browser.signIn().reply
            #expect(reply.attributes("sAccessToken").first == "Path=\(path)")
        }
    }

    @Test(
        "F11, F12 and H17: sign-out ends the session and clears its own way", arguments: ["cookie", "header"], [0, 1])
    func signOut(mode: String, transport: Int) async throws {
        let never = BooleanClaim("never") { _ in false }
        let fixture = try await Fixture(requirements: [never.isTrue()])
        try await fixture.run(transports[transport]) { browser in
            let (signedIn, tokens) = try await browser.signIn(mode)
            let reply = try await browser.call(.post, "/auth/signout", [], tokens)
            #expect(reply.status == 200 && reply.body == #"{"status":"OK"}"#)
            #expect(reply.cleared == [mode] && reply["front-token"] == "remove")
            let found = try await fixture.test.sessions.information(on: SessionHandle(signedIn.body))
            #expect(found == nil)
            let again = try await browser.call(.post, "/auth/signout", [], tokens)
            #expect(again.status == 200 && again.cleared == [mode])
            let nobody = try await browser.call(.post, "/auth/signout")
            #expect(nobody.status == 401 && nobody.message == "unauthorised" && nobody.setCookies.isEmpty)
            let get = try await browser.call(.get, "/auth/signout", [], tokens)
            #expect(get.status == 404)
        }
    }

    @Test("F13 and F14: an error that the application catches clears nothing", arguments: [0, 1])
    func caught(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            for (method, path) in [(.get, "/caught"), (.post, "/caught-refresh")] as [(HTTPRequest.Method, String)] {
                let reply = try await browser.call(method, path)
                #expect(reply.status == 200 && reply.body == "caught")
                #expect(reply.setCookies.isEmpty && reply["front-token"] == nil)
            }
        }
    }

    @Test("F15 and F16: a custom header fends off forgery", arguments: [0, 1])
    func customHeader(transport: Int) async throws {
        let fixture = try await Fixture({ $0.antiCSRF = .viaCustomHeader })
        try await fixture.run(transports[transport]) { browser in
            let (signedIn, tokens) = try await browser.signIn()
            let refused = try await browser.call(.post, "/me", [], tokens)
            #expect(refused.status == 401 && refused.message == "try refresh token")
            for (method, path, fields) in [
                (.post, "/me", [("rid", "session")]), (.get, "/me", []), (.post, "/unguarded", []),
            ] as [(HTTPRequest.Method, String, [(String, String)])] {
                let reply = try await browser.call(method, path, fields, tokens)
                #expect(reply.body == signedIn.body)
            }
            let guarded = try await browser.call(.get, "/guarded", [], tokens)
            #expect(guarded.status == 401)
            let refresh = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(refresh.status == 401 && refresh.message == "unauthorised" && refresh["front-token"] == "remove")
        }
    }

    @Test("F17 and G3: an anti-CSRF token that is missing or another's is refused", arguments: [0, 1])
    func antiCSRFRefused(transport: Int) async throws {
        let fixture = try await Fixture({ $0.antiCSRF = .viaToken })
        try await fixture.run(transports[transport]) { browser in
            let (signedIn, tokens) = try await browser.signIn()
            var (without, other) = (tokens, tokens)
            without.antiCSRF = nil
            other.antiCSRF = try await browser.signIn().tokens.antiCSRF
            for bad in [without, other] {
                let reply = try await browser.call(.post, "/me", [], bad)
                #expect(reply.status == 401 && reply.message == "try refresh token")
                let get = try await browser.call(.get, "/me", [], bad)
                #expect(get.body == signedIn.body)
                let refresh = try await browser.call(.post, Self.refresh, bad.refreshFields)
                #expect(refresh.status == 401 && refresh.message == "unauthorised")
            }
            let good = try await browser.call(.post, "/me", [], tokens)
            #expect(good.body == signedIn.body)
            let refresh = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(refresh.status == 200 && refresh["anti-csrf"] != nil)
        }
    }

    @Test("F19 to F21: a hook that revokes, revokes and refuses, or throws, in a refresh", arguments: [0, 1])
    func hooks(transport: Int) async throws {
        struct Revoking: SessionHooks {
            func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
                try await call.sessions.refresh(in: call.exchange).revoke()
                return SessionReply(json: [:])
            }
        }
        struct Refusing: SessionHooks {
            func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
                try await call.sessions.refresh(in: call.exchange).revoke()
                return SessionReply(status: .unauthorized, json: ["message": "not any more"])
            }
        }
        struct Throwing: SessionHooks {
            func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
                _ = try await call.sessions.refresh(in: call.exchange)
                throw .unauthorised(reason: "not today", clearTokens: true)
            }
        }
        for (hooks, status) in [(Revoking(), 200), (Refusing(), 401), (Throwing(), 401)] as [(any SessionHooks, Int)] {
            let fixture = try await Fixture({ $0.antiCSRF = .viaToken }, hooks: hooks)
            try await fixture.run(transports[transport]) { browser in
                let (_, tokens) = try await browser.signIn()
                let reply = try await browser.call(.post, Self.refresh, tokens.refreshFields)
                #expect(reply.status == status)
                #expect(reply.cookie("sAccessToken") == "" && reply.cookie("sRefreshToken") == "")
                #expect(reply["front-token"] == "remove" && reply["anti-csrf"] == nil)
            }
        }
    }

    @Test("F22 and F23: a hook answers as it likes, and the tokens stay", arguments: [0, 1])
    func replies(transport: Int) async throws {
        struct Own: SessionHooks {
            func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
                _ = try await call.sessions.refresh(in: call.exchange)
                return SessionReply(status: .unauthorized, json: [:])
            }
            func reply(to error: SessionError, proposed: SessionReply, in _: SessionExchange) async -> SessionReply {
                SessionReply(status: .init(code: 418), json: ["was": .integer(proposed.status.code)])
            }
        }
        let fixture = try await Fixture(hooks: Own())
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let reply = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(reply.status == 401 && reply.set == ["cookie"])
            let error = try await browser.call(.get, "/me")
            #expect(error.status == 418 && error.json?["was"] == 401)
        }
    }

    @Test("F24: what the front token says grows and shrinks with the payload", arguments: [0, 1])
    func frontToken(transport: Int) async throws {
        let fixture = try await Fixture({ $0.antiCSRF = .viaToken })
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn()
            #expect(reply.front?.payload.count == 10)
            #expect(reply.front?.userID == "user1" && reply.front?.payload["sub"] == "user1")
            let expiry = try #require(reply.front?.payload["exp"]?.number?.int64)
            #expect(reply.front?.expiresAt.wholeSeconds == expiry)
            let merged = try await browser.call(
                .post, "/merge?payload=" + #"{"key":"value","sub":"evil"}"#.addingPercentEncodingForQuery, [], tokens)
            #expect(merged.front?.payload.count == 11 && merged.front?.payload["sub"] == "user1")
            let refreshed = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(refreshed.front?.payload.count == 11)
            let shrunk = try await browser.call(
                .post, "/merge?payload=" + #"{"key":null}"#.addingPercentEncodingForQuery, [],
                refreshed.tokens("cookie"))
            #expect(shrunk.front?.payload.count == 10)
        }
    }

    @Test("I1 and I3: keys by name, and protected names are dropped from a payload", arguments: [0, 1])
    func protectedClaims(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (reply, _) = try await browser.signIn(payload: #"{"sub":"evil","tId":"evil","role":"admin"}"#)
            #expect(reply.front?.payload["sub"] == "user1" && reply.front?.payload["tId"] == "public")
            #expect(reply.front?.payload["role"] == "admin")
            #expect(reply.front?.payload["iss"] == "http://api.supertokens.io/auth")
        }
    }

    @Test("I7: a token of the other kind of key asks for a refresh, and works after it", arguments: [0, 1])
    func keyKind(transport: Int) async throws {
        let test = try await Fixture({ $0.usesDynamicKeys = false })
        var configuration = test.test.sessions.configuration
        configuration.usesDynamicKeys = true
        let dynamic = try Sessions(
            app: test.test.sessions.app, configuration: configuration, backend: test.test.backend)
        try await test.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn("header")
            await #expect(throws: SessionError.tryRefreshToken(reason: "the access token is signed with a static key"))
            {
                try await dynamic.session(
                    in: SessionExchange(
                        request: .init(
                            method: .get, scheme: nil, authority: nil, path: "/",
                            headerFields: [
                                .authorization: "Bearer \(tokens.access ?? "")"
                            ])))
            }
            let refreshed = try await dynamic.refresh(refreshToken: RefreshToken(tokens.refresh ?? ""))
            let found = try await dynamic.session(accessToken: refreshed.accessToken)
            #expect(found?.userID == "user1")
        }
    }

    @Test("I16: the access token is shown to scripts where the application wants it", arguments: [0, 1])
    func exposed(transport: Int) async throws {
        let fixture = try await Fixture({ $0.exposesAccessToken = true })
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn()
            #expect(reply["st-access-token"] == tokens.access && reply["st-refresh-token"] == nil)
            let refreshed = try await browser.call(.post, Self.refresh, tokens.refreshFields)
            #expect(refreshed["st-access-token"] != nil && refreshed["st-refresh-token"] == nil)
            let verified = try await browser.call(.get, "/me", [], refreshed.tokens("cookie"))
            #expect(verified["st-access-token"] != nil)
        }
    }

    @Test("M1: a handler that changes the payload and then fails still gives the client its token", arguments: [0, 1])
    func failingHandler(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let reply = try await browser.call(.post, "/merge-and-fail", [], tokens)
            #expect(reply.status == 409)
            #expect(reply.front?.payload["changed"] == true && reply.cookie("sAccessToken") != nil)
        }
    }

    @Test("M2: an empty field arrives as an empty field", arguments: [0, 1])
    func emptyFields(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let reply = try await browser.call(.post, Self.refresh)
            #expect(reply["st-access-token"] == "" && reply["st-refresh-token"] == "")
        }
    }

    @Test("D13: a gateway that takes a prefix off", arguments: ["/auth", "/gateway/auth"], [0, 1])
    func gateway(prefix: String, transport: Int) async throws {
        let fixture = try await Fixture(gateway: "/gateway")
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn()
            #expect(reply.attributes("sRefreshToken").first == "Path=/gateway/auth/session/refresh")
            let refreshed = try await browser.call(.post, prefix + "/session/refresh", tokens.refreshFields)
            #expect(refreshed.status == 200)
            let tenant = try await browser.call(.post, prefix + "/t1/session/refresh")
            #expect(tenant.status == 401)
        }
    }

    @Test("2.14: the key set and who issues tokens", arguments: [0, 1])
    func discovery(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let keys = try await browser.call(.get, "/auth/jwt/jwks.json")
            #expect(keys.status == 200 && keys["access-control-allow-origin"] == "*")
            #expect(keys["cache-control"]?.hasSuffix(", must-revalidate") == true)
            #expect(keys.json?["keys"]?.array?.isEmpty == false)
            let discovery = try await browser.call(.get, "/auth/.well-known/openid-configuration")
            #expect(discovery.json?["issuer"] == "http://api.supertokens.io/auth")
            #expect(discovery.json?["jwks_uri"] == "http://api.supertokens.io/auth/jwt/jwks.json")
        }
    }

    /// What a browser says of where a request comes from, and whether it may change something.
    static let origins: [(site: String?, origin: String?, isTrusted: Bool)] = [
        (nil, nil, true), ("same-origin", nil, true), ("none", nil, true), ("cross-site", "https://evil.test", false),
        ("same-site", "http://evil.supertokens.io", false), ("same-site", "http://supertokens.io", true),
        ("cross-site", nil, false), (nil, "https://evil.test", false), (nil, "http://api.supertokens.io", true),
        ("cross-site", "null", false), ("cross-site", "https://partner.test", true),
    ]

    @Test("B01: a page of another site changes nothing and signs nobody out", arguments: origins.indices, [0, 1])
    func foreignOrigin(row: Int, transport: Int) async throws {
        let (site, origin, isTrusted) = Self.origins[row]
        let fixture = try await Fixture({ $0.trustedOrigins = ["https://partner.test"] })
        try await fixture.run(transports[transport]) { browser in
            let (signedIn, tokens) = try await browser.signIn()
            let said = [("sec-fetch-site", site), ("origin", origin)].compactMap { name, value in
                value.map { (name, $0) }
            }
            let read = try await browser.call(.get, "/me", said, tokens)
            #expect(read.body == signedIn.body)
            let write = try await browser.call(.post, "/me", said, tokens)
            #expect(write.status == (isTrusted ? 200 : 403))
            let refresh = try await browser.call(.post, Self.refresh, said + tokens.refreshFields)
            #expect(refresh.status == (isTrusted ? 200 : 403))
            #expect(isTrusted || (refresh.setCookies.isEmpty && refresh["front-token"] == nil))
            let empty = try await browser.call(.post, Self.refresh, said)
            #expect((empty["front-token"] == "remove") == isTrusted)
        }
    }
}
