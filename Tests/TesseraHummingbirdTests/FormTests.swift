import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import SessionEngine
import TesseraHummingbird
import TesseraSessions
import TesseraTesting
import Testing

@Suite("Forms of server-rendered pages")
struct FormTests {
    private struct Answer: Sendable {
        let status: Int
        let body: String
        let location: String?
        let fields: HTTPFields
    }

    /// A browser with its cookies, as far as forms need them.
    private final class Visitor {
        let client: any TestClientProtocol
        var cookies: [String: String] = [:]

        init(_ client: any TestClientProtocol) {
            self.client = client
        }

        func send(
            _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields = [:], body: String? = nil
        ) async throws -> Answer {
            var fields = fields
            if !cookies.isEmpty {
                fields[.cookie] = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            }
            let response = try await client.execute(
                uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) })
            for line in response.headers[values: .setCookie] {
                let pair = line.prefix { $0 != ";" }.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
            }
            return Answer(
                status: response.status.code, body: String(buffer: response.body),
                location: response.headers[.location],
                fields: response.headers)
        }

        /// The token of the form on a page.
        func token(_ path: String = "/login") async throws -> String {
            let page = try await send(.get, path)
            #expect(page.fields[.cacheControl] == "no-store")
            let start = try #require(page.body.firstRange(of: "name=\"form-token\" value=\""))
            return String(page.body[start.upperBound...].prefix { $0 != "\"" })
        }

        func post(_ path: String, _ token: String?, _ more: HTTPFields = [:]) async throws -> Answer {
            var fields: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
            for field in more { fields.append(field) }
            return try await send(
                .post, path, fields, body: "name=a%26b&" + (token.map { "form-token=\($0)&" } ?? "") + "returnTo=%2Fme")
        }
    }

    private static func run(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
        let test = try await TestSessions(app: AppInfo(name: "Test", apiDomain: "http://localhost:8080"))
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(test.sessions))
        let pages = router.group().add(middleware: ProtectForms())
        pages.get("login") { _, context in
            "<form method=post>\(try context.formField())\(try context.formField())</form>"
        }
        pages.post("login") { request, context in
            try await context.createSession(userID: "alice")
            return try context.redirectAfterSignIn(to: request.uri.queryParameters.get("returnTo"), otherwise: "/home")
        }
        pages.post("echo") { request, _ in String(buffer: try await request.body.collect(upTo: 10_000)) }
        let mine = pages.group().add(middleware: RequireSession())
        mine.get("me") { _, context in "<form>\(try context.formField())</form>" }
        mine.post("me") { _, context in try context.requireSession().userID.rawValue }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await app.test(.live) { client in try await body(client) }
    }

    @Test("item 2: a form signs in, is sent back, and works with the session")
    func whole() async throws {
        try await Self.run { client in
            let visitor = Visitor(client)
            let token = try await visitor.token()
            let signedIn = try await visitor.post("/login?returnTo=%2Fme%3Fx%3D1", token)
            #expect(signedIn.status == 303 && signedIn.location == "/me?x=1")
            #expect(visitor.cookies["sAccessToken"] != nil && visitor.cookies["sRefreshToken"] != nil)
            let mine = try await visitor.post("/me", try await visitor.token("/me"))
            #expect(mine.status == 200 && mine.body == "alice")
            let elsewhere = try await visitor.post("/login?returnTo=%2F%2Fevil.test", try await visitor.token())
            #expect(elsewhere.location == "/home")
        }
    }

    @Test("item 2: no token, another browser's, another session's or a changed one is 403, and nothing happens")
    func refused() async throws {
        try await Self.run { client in
            let (visitor, other) = (Visitor(client), Visitor(client))
            let (token, foreign) = (try await visitor.token(), try await other.token())
            let turned = token.dropLast() + (token.hasSuffix("A") ? "B" : "A")
            for bad in [
                nil, "", "x", "x.y", ".", foreign, String(turned), token + "A", "." + token, token.uppercased(),
            ] {
                let answer = try await visitor.post("/login", bad)
                #expect(answer.status == 403 && visitor.cookies["sAccessToken"] == nil, "\(bad ?? "none")")
            }
            let withoutCookie = Visitor(client)
            #expect(try await withoutCookie.post("/login", token).status == 403)
            // The form of before sign-in is not one of the session.
            #expect(try await visitor.post("/login", token).status == 303)
            #expect(try await visitor.post("/me", token).status == 403)
            #expect(try await visitor.post("/me", try await visitor.token("/me")).status == 200)
        }
    }

    @Test("item 2: another site's form signs no one in, with or without a token")
    func otherSite() async throws {
        try await Self.run { client in
            let visitor = Visitor(client)
            let token = try await visitor.token()
            for fields: HTTPFields in [
                [.origin: "https://evil.test"], [.origin: "null"],
                [HTTPField.Name("sec-fetch-site") ?? .origin: "cross-site"],
                [HTTPField.Name("sec-fetch-site") ?? .origin: "same-site", .origin: "http://localhost:9999"],
            ] {
                #expect(try await visitor.post("/login", token, fields).status == 403)
            }
            #expect(try await visitor.post("/login", token, [.origin: "http://localhost:8080"]).status == 303)
        }
    }

    @Test(
        "item 2: the handler reads the form as it came, also one with files; two forms of a page differ and both work")
    func bodies() async throws {
        try await Self.run { client in
            let visitor = Visitor(client)
            let page = try await visitor.send(.get, "/login").body
            let tokens = page.split(separator: "value=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
            #expect(Set(tokens).count == 2)
            for token in tokens {
                let answer = try await visitor.post("/echo", token)
                #expect(answer.status == 200 && answer.body == "name=a%26b&form-token=\(token)&returnTo=%2Fme")
                let parts =
                    "--xy\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form-token\"\r\n\r\nname=\"form-token\"\r\n"
                    + "--xy\r\nContent-Disposition: form-data; name=\"form-token\"\r\n\r\n\(token)\r\n--xy--\r\n"
                let type: HTTPFields = [.contentType: "multipart/form-data; boundary=xy"]
                let multipart = try await visitor.send(.post, "/echo", type, body: parts)
                #expect(multipart.status == 200 && multipart.body == parts)
                let broken = try await visitor.send(
                    .post, "/echo", type, body: parts.split(separator: token).joined(separator: "x"))
                #expect(broken.status == 403)
            }
            for (fields, status) in [([:], 403), ([.origin: "http://localhost:8080"], 200)] as [(HTTPFields, Int)] {
                var fields = fields
                fields[.contentType] = "text/plain"
                let plain = try await visitor.send(.post, "/echo", fields, body: "{\"form-token\":\"=x\"}")
                #expect(plain.status == status)
            }
            let json = try await visitor.send(.post, "/echo", [.contentType: "application/json"], body: "{}")
            #expect(json.status == 200 && json.body == "{}")
        }
    }
}
