import HTTPTypes
import Hummingbird
import HummingbirdTesting
import LosslessJSON
import NIOCore
import SessionEngine
import SessionService
import TesseraHummingbird
import TesseraSessions
import TesseraTesting
import Testing

@Suite("The routes of a user's own devices (docs/devices.md)")
struct DeviceRouteTests {
    private static let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    /// An application whose sign-in takes any name.
    private static func app(
        _ test: TestSessions
    ) -> Application<RouterResponder<BasicTesseraRequestContext>> {
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(test.sessions))
        router.post("login/:user") { _, context in
            let user = try context.parameters.require("user")
            return try await context.createSession(userID: UserID(user)).handle.rawValue
        }
        router.post("support/:user") { _, context in
            let user = try context.parameters.require("user")
            guard let mara = ActingParty(subject: "support:mara") else { throw HTTPError(.badRequest) }
            let session = try await context.sessions().impersonate(
                UserID(user), by: mara, reason: "ticket 7", in: context.sessionExchange())
            return session.handle.rawValue
        }
        return Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
    }

    private struct Client {
        let client: any TestClientProtocol
        var token = ""

        mutating func signIn(
            _ user: String, _ fields: HTTPFields = [:], at path: String = "login"
        ) async throws -> String {
            var headers: HTTPFields = [.userAgent: firefox]
            headers[.authMode] = "header"
            for field in fields { headers.append(field) }
            let response = try await client.execute(uri: "/\(path)/\(user)", method: .post, headers: headers)
            token = response.headers[.sessionAccessToken] ?? ""
            return String(buffer: response.body)
        }

        func ask(
            _ method: HTTPRequest.Method, _ path: String, _ body: String = "", token: String? = nil
        ) async throws -> (status: Int, json: JSONObject, fields: HTTPFields) {
            let response = try await client.execute(
                uri: "/auth/session/\(path)", method: method,
                headers: [.authorization: "Bearer \(token ?? self.token)"],
                body: ByteBuffer(string: body))
            let json = (try? JSONValue(parsing: String(buffer: response.body)))?.object ?? [:]
            return (response.status.code, json, response.headers)
        }
    }

    private static func test(
        _ configure: (inout SessionConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestSessions, Client) async throws -> Void
    ) async throws {
        var configuration = SessionConfiguration()
        configuration.routes.formUnion(SessionRoute.ofDevices)
        configure(&configuration)
        let test = try await TestSessions(configuration: configuration)
        try await app(test).test(.live) { try await body(test, Client(client: $0)) }
    }

    @Test("ASVS 7.5.2: a user sees the own devices, and ends others after a recent authentication only")
    func ownDevices() async throws {
        try await Self.test { test, client in
            var client = client
            let first = try await client.signIn("alice")
            _ = try await client.signIn("bob")
            let bob = client.token
            let second = try await client.signIn("alice")
            let list = try await client.ask(.get, "devices")
            let devices = list.json["devices"]?.array?.compactMap(\.object) ?? []
            #expect(list.status == 200 && list.fields[.cacheControl] == "no-store")
            #expect(Set(devices.map { $0["handle"]?.string }) == [second, first] && devices.count == 2)
            let current = devices.filter { $0["current"] == true }.map { $0["handle"]?.string }
            #expect(current == [second])
            #expect(devices.allSatisfy { $0["label"] == "Firefox on Linux" && $0["lastAddress"] == "127.0.0.0/24" })
            let named = try await client.ask(.put, "devices/label", "{\"handle\":\"\(first)\",\"label\":\"Phone\"}")
            #expect(named.status == 200)
            let foreign = try await client.ask(
                .put, "devices/label", "{\"handle\":\"\(first)\",\"label\":\"Mine\"}", token: bob)
            #expect(foreign.status == 400)
            test.clock.advance(by: .seconds(301))
            for body in ["{\"others\":true}", "{\"handles\":[\"\(first)\"]}"] {
                let late = try await client.ask(.post, "devices/revoke", body)
                #expect(late.status == 403 && "\(late.json)".contains("step-up required"), "\(body)")
            }
            _ = try await client.signIn("alice")
            let passed = try await client.ask(
                .post, "devices/revoke", "{\"handles\":[\"\(first)\"]}", token: client.token)
            #expect(passed.json["ended"] == [.string(first)])
            let others = try await client.ask(.post, "devices/revoke", "{\"others\":true}")
            #expect(others.json["ended"] == [.string(second)])
            let left = try await client.ask(.get, "devices", token: bob)
            #expect(left.json["devices"]?.array?.count == 1, "another user's session lives")
        }
    }

    @Test("AN08: who acts as the user sees the devices, is seen among them, and changes nothing")
    func impersonation() async throws {
        try await Self.test { _, client in
            var client = client
            let own = try await client.signIn("alice")
            let acting = try await client.signIn("alice", at: "support")
            let list = try await client.ask(.get, "devices").json["devices"]?.array?.compactMap(\.object) ?? []
            #expect(list.count == 2)
            #expect(list.first { $0["handle"] == .string(acting) }?["impersonated"] == true)
            for (method, path, body) in [
                (HTTPRequest.Method.post, "devices/revoke", "{\"others\":true}"),
                (.post, "devices/revoke", "{\"handles\":[\"\(own)\"]}"),
                (.put, "devices/label", "{\"handle\":\"\(own)\",\"label\":\"x\"}"),
            ] {
                #expect(try await client.ask(method, path, body).status == 403, "\(path) \(body)")
            }
            #expect(try await client.ask(.get, "devices").json["devices"]?.array?.count == 2)
        }
    }

    @Test("One's own session ends without it, and the client's tokens go")
    func ownSession() async throws {
        try await Self.test { test, client in
            var client = client
            let own = try await client.signIn("alice")
            test.clock.advance(by: .seconds(3_000))
            let ended = try await client.ask(.post, "devices/revoke", "{\"handles\":[\"\(own)\"]}")
            #expect(ended.json["ended"] == [.string(own)])
            #expect(ended.fields[.frontToken] == "remove")
            #expect(try await client.ask(.get, "devices").status == 401)
        }
    }

    @Test("What is no question is 400, without a session it is 401, and by default there is no such route")
    func refusals() async throws {
        try await Self.test { _, client in
            var client = client
            _ = try await client.signIn("alice")
            let wrong = [
                "", "[]", "{}", "{\"others\":false}", "{\"others\":true,\"handles\":[]}", "{\"handles\":[]}",
                "{\"handles\":[1]}", "{\"handles\":\"h\"}",
                "{\"handles\":[\(Array(repeating: "\"h\"", count: 101).joined(separator: ","))]}",
            ]
            for body in wrong {
                #expect(try await client.ask(.post, "devices/revoke", body).status == 400, "\(body.prefix(40))")
            }
            for body in ["", "{}", "{\"handle\":1,\"label\":\"x\"}", "{\"handle\":\"none\",\"label\":\"x\"}"] {
                #expect(try await client.ask(.put, "devices/label", body).status == 400, "\(body)")
            }
            for query in ["?limit=0", "?limit=501", "?limit=x", "?after=x"] {
                #expect(try await client.ask(.get, "devices\(query)").status == 400, "\(query)")
            }
            let huge = String(repeating: " ", count: 20_000)
            #expect(try await client.ask(.post, "devices/revoke", huge).status == 413)
            for (method, path) in [
                (HTTPRequest.Method.get, "devices"), (.post, "devices/revoke"), (.put, "devices/label"),
            ] {
                #expect(try await client.ask(method, path, "{}", token: "none").status == 401, "\(path)")
            }
        }
        try await Self.test({ $0.routes.subtract(SessionRoute.ofDevices) }) { _, client in
            var client = client
            _ = try await client.signIn("alice")
            #expect(try await client.ask(.get, "devices").status == 404)
        }
    }

    @Test(
        "The address is the peer's, or what the farthest trusted proxy saw, and never the client's own words",
        arguments: [
            (0, ["1.1.1.1"], "127.0.0.0/24"), (1, ["1.1.1.1, 198.51.100.7"], "198.51.100.0/24"),
            (1, ["1.1.1.1", "198.51.100.7"], "198.51.100.0/24"),
            (2, ["1.1.1.1, 198.51.100.7, 10.0.0.1"], "198.51.100.0/24"),
            (1, ["[2001:db8:1:2::3]:443"], "2001:db8:1::/48"),
            (1, ["198.51.100.7:1234"], "198.51.100.0/24"), (2, ["198.51.100.7"], nil), (1, [], nil),
            (1, ["unknown"], nil),
            (1, ["198.51.100.7,"], nil),
        ] as [(Int, [String], String?)])
    func addresses(proxies: Int, forwarded: [String], expected: String?) async throws {
        try await Self.test({ $0.trustedProxies = proxies }) { _, client in
            var client = client
            var fields = HTTPFields()
            for value in forwarded { fields.append(HTTPField(name: .forwardedFor, value: value)) }
            _ = try await client.signIn("alice", fields)
            let device = try await client.ask(.get, "devices").json["devices"]?.array?.first?.object
            #expect(device?["lastAddress"]?.string == expected)
        }
    }

    @Test("An application that wants nothing said says nothing")
    func silence() async throws {
        try await Self.test({ $0.reportsClients = false }) { _, client in
            var client = client
            _ = try await client.signIn("alice")
            let device = try await client.ask(.get, "devices").json["devices"]?.array?.first?.object
            #expect(device?["label"] == "Unknown device" && device?["lastAddress"] == nil)
        }
    }
}
