import HTTPTypes
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@Suite("What a client gets that does not say how its tokens travel")
struct BrowserDefaultTests {
    /// A request's fields, and the way in which tokens come.
    static let requests: [([(String, String)], String)] = [
        ([("content-type", "application/x-www-form-urlencoded")], "cookie"),
        ([("content-type", "multipart/form-data; boundary=x")], "cookie"),
        ([("origin", "http://supertokens.io"), ("content-type", "application/json")], "cookie"),
        ([("sec-fetch-site", "same-origin")], "cookie"), ([("sec-fetch-mode", "cors")], "cookie"),
        ([("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")], "cookie"),
        ([("st-auth-mode", "strange"), ("sec-fetch-site", "same-site")], "cookie"),
        ([("st-auth-mode", "header"), ("sec-fetch-site", "same-origin")], "header"),
        ([("st-auth-mode", "Header"), ("content-type", "application/x-www-form-urlencoded")], "header"),
        ([("st-auth-mode", "cookie")], "cookie"), ([], "header"), ([("content-type", "application/json")], "header"),
        ([("accept", "*/*"), ("user-agent", "curl/8.0")], "header"), ([("st-auth-mode", "")], "header"),
        ([("accept", "application/json")], "header"),
    ]

    @Test("finding S1: a browser that does not say gets cookies, others header fields", arguments: requests.indices)
    func transfer(row: Int) async throws {
        let (fields, way) = Self.requests[row]
        for transfer in [nil, SessionConfiguration.Transfer.any] {
            let fixture = try await Fixture({ configuration in
                if let transfer { configuration.transfer = { _, _ in transfer } }
            })
            try await fixture.run(transports[row % 2]) { browser in
                let reply = try await browser.call(.post, "/create", fields)
                #expect(reply.status == 200 && reply.set == [way])
            }
        }
    }

    @Test("finding S1: a form signs in, and the next page knows who it is")
    func form() async throws {
        let fixture = try await Fixture()
        try await fixture.run(.live) { browser in
            let form = [
                ("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html"),
                ("origin", "http://api.supertokens.io"),
            ]
            let reply = try await browser.call(.post, "/create", form)
            let page = try await browser.call(.get, "/me", [("accept", "text/html")], reply.tokens("cookie"))
            #expect(page.status == 200 && page.body == reply.body)
        }
    }
}
