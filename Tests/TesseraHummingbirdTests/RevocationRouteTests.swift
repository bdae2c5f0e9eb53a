import HTTPTypes
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@Suite("The route that ends a session by its refresh token (RFC 7009)")
struct RevocationRouteTests {
    private static let path = "/auth/session/revoke"

    @Test(
        "CL23: a client that has nothing but its refresh token signs out, also when the access token has expired",
        arguments: transports)
    func revoke(transport: TestingSetup) async throws {
        let fixture = try await Fixture()
        try await fixture.run(transport) { browser in
            let tokens = try await browser.signIn("header").tokens
            fixture.test.clock.advance(by: .seconds(7_200))
            for _ in 0..<2 {
                let reply = try await browser.call(.post, Self.path, tokens.refreshFields)
                #expect(reply.status == 200 && reply.json == ["status": "OK"], "the same answer twice")
                #expect(reply["front-token"] == "remove")
            }
            let refused = try await browser.call(.post, "/auth/session/refresh", tokens.refreshFields)
            #expect(refused.status == 401)
            #expect(try await fixture.test.sessions.handles(of: "user1").isEmpty)
        }
    }

    @Test("An access token, a cookie and no token end nothing")
    func refusals() async throws {
        let fixture = try await Fixture()
        try await fixture.run(.router) { browser in
            let header = try await browser.signIn("header").tokens
            let cookie = try await browser.signIn("cookie").tokens
            for fields in [[], [("authorization", "Bearer \(header.access ?? "")")], cookie.refreshFields] {
                let reply = try await browser.call(.post, Self.path, fields)
                #expect(reply.status == 400, "\(reply.body)")
            }
            #expect(try await browser.call(.get, Self.path, header.refreshFields).status == 404)
            #expect(try await fixture.test.sessions.handles(of: "user1").count == 2)
        }
    }
}
