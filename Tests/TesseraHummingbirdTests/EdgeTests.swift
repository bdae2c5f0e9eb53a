import HTTPTypes
import Hummingbird
import HummingbirdTesting
import SessionEngine
import TesseraHummingbird
import TesseraSessions
import TesseraTesting
import Testing

@Suite("What servers and middlewares do to sessions (docs/specification/cases.md C and M)")
struct EdgeTests {
    @Test("C8: a session, none, and one that was tampered with", arguments: [0, 1])
    func verify(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (reply, tokens) = try await browser.signIn()
            #expect(try await browser.call(.get, "/me", [], tokens).body == reply.body)
            let none = try await browser.call(.get, "/me")
            #expect(none.status == 401 && none.message == "unauthorised")
            let access = tokens.access ?? ""
            let other = access.suffix(20).first == "A" ? "B" : "A"
            let cookie = ("cookie", "sAccessToken=\(access.dropLast(20))\(other)\(access.suffix(19))")
            let tampered = try await browser.call(.get, "/me", [cookie])
            #expect(tampered.status == 401 && tampered.message == "try refresh token")
        }
    }

    @Test("C9: the refresh route gives new tokens and says nothing else", arguments: [0, 1])
    func refresh(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            let (_, tokens) = try await browser.signIn()
            let reply = try await browser.call(.post, "/auth/session/refresh", tokens.refreshFields)
            #expect(reply.status == 200 && (reply.body.isEmpty || reply.body == "{}") && reply.set == ["cookie"])
        }
    }

    @Test("C11: a POST after a GET is asked for its anti-CSRF token all the same", arguments: [0, 1])
    func antiCSRF(transport: Int) async throws {
        let fixture = try await Fixture({ $0.antiCSRF = .viaToken })
        try await fixture.run(transports[transport]) { browser in
            var (_, tokens) = try await browser.signIn()
            let full = tokens
            tokens.antiCSRF = nil
            for _ in 0..<2 {
                #expect(try await browser.call(.get, "/me", [], tokens).status == 200)
                #expect(try await browser.call(.post, "/me", [], tokens).status == 401)
                #expect(try await browser.call(.post, "/me", [], full).status == 200)
            }
        }
    }

    @Test("M3: field names in any case", arguments: [0, 1])
    func names(transport: Int) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transports[transport]) { browser in
            for name in ["authorization", "Authorization", "AUTHORIZATION"] {
                let (reply, tokens) = try await browser.signIn("header")
                let mine = try await browser.call(.get, "/me", [(name, "Bearer \(tokens.access ?? "")")])
                #expect(mine.body == reply.body)
            }
        }
    }

    @Test("M4 and M5: CORS outermost: its fields and ours, on a failure and on a 401", arguments: [0, 1])
    func cors(transport: Int) async throws {
        let test = try await TestSessions()
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: CORSMiddleware(allowOrigin: .originBased, allowCredentials: true))
        router.add(middleware: TesseraMiddleware(test.sessions))
        router.post("create") { _, context -> String in
            _ = try await context.createSession(userID: "u")
            throw HTTPError(.conflict, message: "sorry")
        }
        router.group().add(middleware: RequireSession()).get("me") { _, _ in "me" }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await app.test(transports[transport]) { client in
            let browser = Browser(send: { path, method, headers in
                try await client.execute(uri: path, method: method, headers: headers)
            })
            let origin = ("origin", "https://www.example.com")
            let failed = try await browser.call(.post, "/create", [origin, ("st-auth-mode", "header")])
            #expect(failed.status == 409 && failed["access-control-allow-origin"] == origin.1)
            #expect(failed["st-access-token"] != nil)
            #expect(failed["access-control-expose-headers"]?.contains("st-access-token") == true)
            let expired = ("authorization", "Bearer \(failed["st-access-token"] ?? "")")
            test.clock.advance(by: .seconds(172_800))
            let refused = try await browser.call(.get, "/me", [origin, expired])
            #expect(refused.status == 401 && refused["access-control-allow-origin"] == origin.1)
        }
    }
}
