import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@Suite("Transfer methods (docs/specification/cases.md E)")
struct TransferTests {
    @Test(
        "E1 to E3: without a known st-auth-mode tokens come in header fields", arguments: [nil, "strange", "header"],
        [0, 1])
    func headers(mode: String?, transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let reply = try await browser.call(.post, "/create", mode.map { [("st-auth-mode", $0)] } ?? [])
            #expect(reply.status == 200)
            #expect(reply.setCookies.isEmpty)
            #expect(reply["st-access-token"]?.isEmpty == false)
            #expect(reply["st-refresh-token"]?.isEmpty == false)
            #expect(reply["access-control-expose-headers"] == "front-token, st-access-token, st-refresh-token")
            #expect(reply.front?.userID == "user1")
        }
    }

    @Test("E3: cookies only, in the recorded form", arguments: [0, 1])
    func cookies(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (reply, _) = try await browser.signIn("cookie")
            #expect(reply["st-access-token"] == nil && reply["st-refresh-token"] == nil)
            #expect(reply.setCookies.count == 2)
            let access = reply.attributes("sAccessToken")
            #expect(access.count == 5 && access[4] == "Max-Age=31536000")
            #expect(access.first == "Path=/" && access[2] == "HttpOnly" && access[3] == "SameSite=Lax")
            #expect(access[1].hasPrefix("Expires=Fri, 01 Jan 2027"))
            #expect(reply.attributes("sRefreshToken").first == "Path=/auth/session/refresh")
            #expect(reply["access-control-expose-headers"] == "front-token")
            #expect(reply["cache-control"] == "no-store")
        }
    }

    @Test("E4: the application may say any, then the client decides", arguments: [0, 1])
    func any(transport: Int) async throws {
        let fixture = try await Fixture({ $0.transfer = { _, _ in .any } })
        try await fixture.run(transports[transport]) { browser in
            let inCookie = try await browser.signIn("cookie").reply
            #expect(inCookie.set == ["cookie"])
            let inHeader = try await browser.signIn("header").reply
            #expect(inHeader.set == ["header"])
        }
    }

    @Test("E5 and E6: the way that is not used any more is cleared", arguments: [0, 1])
    func migration(transport: Int) async throws {
        for (method, request, other) in [
            (SessionConfiguration.Transfer.header, "cookie", "cookie"), (.cookie, "header", "header"),
        ] {
            let before = try await Fixture()
            let after = try await Fixture({ $0.transfer = { _, _ in method } })
            nonisolated(unsafe) var tokens = Tokens(mode: request, access: nil)
            try await before.run(transports[transport]) { tokens = try await $0.signIn(request).tokens }
            let held = tokens
            try await after.run(transports[transport]) { browser in
                let reply = try await browser.call(.post, "/create", [], held)
                #expect(reply.set == [method == .header ? "header" : "cookie"])
                #expect(reply.cleared == [other])
            }
        }
    }

    /// Allowed method, header token, cookie token, and which is used.
    static let verifyTable: [(SessionConfiguration.Transfer, Bool, Bool, String?)] = [
        (.any, false, false, nil), (.header, false, false, nil), (.cookie, false, false, nil),
        (.cookie, true, false, nil), (.header, false, true, nil), (.any, true, true, "header"),
        (.header, true, true, "header"), (.cookie, true, true, "cookie"), (.any, true, false, "header"),
        (.header, true, false, "header"), (.any, false, true, "cookie"), (.cookie, false, true, "cookie"),
    ]

    @Test("E7 and E8: the truth table of verification", arguments: verifyTable.indices, [false, true])
    func verify(row: Int, isExpired: Bool) async throws {
        let (allowed, header, cookie, used) = Self.verifyTable[row]
        let fixture = try await Fixture({ $0.transfer = { _, isCreating in isCreating ? .any : allowed } })
        for transport in transports {
            try await fixture.run(transport) { browser in
                let inHeader = try await browser.signIn("header")
                let inCookie = try await browser.signIn("cookie")
                if isExpired { fixture.test.clock.advance(by: .seconds(3_601)) }
                let fields = (header ? inHeader.tokens.fields : []) + (cookie ? inCookie.tokens.fields : [])
                let required = try await browser.call(.get, "/me", fields)
                let optional = try await browser.call(.get, "/optional", fields)
                let handles = ["header": inHeader.reply.body, "cookie": inCookie.reply.body]
                switch used {
                case nil:
                    #expect(required.status == 401 && required.message == "unauthorised")
                    #expect(required["front-token"] == nil && required.setCookies.isEmpty)
                    #expect(optional.status == 200 && optional.body == "none")
                case _ where isExpired:
                    #expect(required.status == 401 && required.message == "try refresh token")
                    #expect(optional.status == 401 && optional.message == "try refresh token")
                case let used?:
                    #expect(required.body == handles[used])
                    #expect(optional.body == handles[used])
                }
            }
        }
    }

    @Test("E9 and E10: a token of another issuer is passed over", arguments: [0, 1])
    func foreign(transport: Int) async throws {
        let fixture = try await Fixture()
        let only = try await Fixture({ $0.transfer = { _, isCreating in isCreating ? .any : .header } })
        let foreign = try await fixture.test.sessions.sign(["sub": "somebody"])
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn("cookie")
            let answer = try await browser.call(.get, "/me", [("authorization", "Bearer \(foreign)")], tokens)
            #expect(answer.body == reply.body)
        }
        try await only.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn("cookie")
            let answer = try await browser.call(.get, "/me", [("authorization", "Bearer \(foreign)")], tokens)
            #expect(answer.status == 401 && answer.message == "unauthorised")
        }
    }

    /// Allowed method, header token, cookie token; what is set and what is cleared, or nothing for a 401.
    static let refreshTable: [(SessionConfiguration.Transfer, Bool, Bool, String?, Set<String>)] = [
        (.any, false, false, nil, []), (.header, false, false, nil, []), (.cookie, false, false, nil, []),
        (.any, false, true, "cookie", []), (.header, false, true, nil, []), (.cookie, false, true, "cookie", []),
        (.any, true, false, "header", []), (.header, true, false, "header", []), (.cookie, true, false, nil, []),
        (.any, true, true, "header", ["cookie"]), (.header, true, true, "header", ["cookie"]),
        (.cookie, true, true, "cookie", ["header"]),
    ]

    @Test("E11 and E12: the truth table of refresh", arguments: refreshTable.indices, [true, false])
    func refresh(row: Int, isValid: Bool) async throws {
        let (allowed, header, cookie, used, cleared) = Self.refreshTable[row]
        let fixture = try await Fixture({ $0.transfer = { _, isCreating in isCreating ? .any : allowed } })
        for transport in transports {
            try await fixture.run(transport) { browser in
                var inHeader = try await browser.signIn("header").tokens
                var inCookie = try await browser.signIn("cookie").tokens
                if !isValid { (inHeader.refresh, inCookie.refresh) = ("garbage", "garbage") }
                let fields = (header ? inHeader.refreshFields : []) + (cookie ? inCookie.refreshFields : [])
                let reply = try await browser.call(.post, "/auth/session/refresh", fields)
                if let used, isValid {
                    #expect(reply.status == 200 && reply.body == "{}")
                    #expect(reply.set == [used] && reply.cleared == cleared)
                    #expect(reply.front?.userID == "user1")
                } else {
                    #expect(reply.status == 401 && reply.message == "unauthorised")
                    #expect(reply.set.isEmpty && reply.cleared == ["cookie", "header"])
                    #expect(reply["front-token"] == "remove")
                    #expect(
                        reply["access-control-expose-headers"] == "front-token, st-access-token, st-refresh-token")
                }
            }
        }
    }

    @Test(
        "E13: a changed payload gives a new access token in the session's own way", arguments: ["cookie", "header"],
        [0, 1])
    func merge(mode: String, transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn(mode)
            let query = "?payload=" + #"{"role":"admin"}"#.addingPercentEncodingForQuery
            let reply = try await browser.call(.post, "/merge" + query, [], tokens)
            #expect(reply.status == 200)
            #expect((reply.cookie("sAccessToken") != nil) == (mode == "cookie"))
            #expect((reply["st-access-token"] != nil) == (mode == "header"))
            #expect(reply.set.isEmpty)
            #expect(reply.front?.payload["role"] == "admin")
        }
    }

    @Test("E14: a cookie of an older SDK asks for a refresh, which drops it", arguments: [0, 1])
    func legacyCookie(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let reply = try await browser.call(.get, "/optional", [("cookie", "sIdRefreshToken=x")], tokens)
            #expect(reply.status == 401 && reply.message == "try refresh token")
            let refreshed = try await browser.call(
                .post, "/auth/session/refresh", [("cookie", "sIdRefreshToken=x")] + tokens.refreshFields)
            #expect(refreshed.cookie("sIdRefreshToken") == "")
            #expect(refreshed.set == ["cookie"])
        }
    }
}
