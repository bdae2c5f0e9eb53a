import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@testable import CoreServer

/// An admin page in front of a core, by value and with a clock that tests move.
struct AdminPlace {
    static let secret = "an-admin-key-of-24-letters"
    static let other = "the-key-of-another-operator"

    let clock = TestClock()
    let service: SessionManager
    let api: AdminAPI
    var settings = AdminSettings()

    init(
        writes: Bool = true, origin: String? = nil,
        storage: (any SessionStorage)? = nil, policy: SessionPolicy = SessionPolicy()
    ) async throws {
        let directory = InMemoryAppDirectory()
        let storage = storage ?? directory.storage(of: .public)
        let clock = clock
        var sources = ClockAndRandomness.system
        sources.time = { clock.now }
        settings.keys = [.init(name: "alice", secret: Self.secret), .init(name: "bob", secret: Self.other)]
        (settings.isWritable, settings.origin) = (writes, origin)
        settings.configuration = [
            .init(name: "host", value: "127.0.0.1", source: "default", isSecret: false, isSet: false, effect: "x"),
            .init(name: "api_keys", value: nil, source: "file", isSecret: true, isSet: true, effect: "x"),
        ]
        service = try await SessionManager(storage: storage, policy: policy, clock: sources)
        let logger = Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() }
        let apps = AppRegistry(
            directory: directory, settings: AppSettings(policy: policy, core: CoreSettings()), service: service,
            clock: sources, readSettings: { (_) throws(AppSettingsRefusal) in throw AppSettingsRefusal("none") })
        let core = CoreAPI(service: service, settings: CoreSettings(), logger: logger, apps: apps)
        api = AdminAPI(
            core, apps: apps, keyStore: { _ in storage },
            facts: .init(version: "1", storage: "memory", isShared: false), settings: settings, clock: sources)
    }

    /// Sends a request as the page does.
    func send(
        _ method: String, _ path: String, _ body: JSONObject? = nil, query: String? = nil, token: String? = nil,
        host: String? = "127.0.0.1:3568", marked: Bool = true, change: (inout AdminRequest) -> Void = { _ in }
    ) async -> Seen {
        var core = CoreRequest(
            method: method, path: path, query: query, authorization: token.map { "Bearer \($0)" },
            body: body.map { Array($0.text.utf8) } ?? [])
        core.host = host
        var request = AdminRequest(core: core, isMarked: marked)
        change(&request)
        switch await api.answer(request) {
        case .live: return Seen(status: 200, object: [:], isLive: true, text: "", headers: [:])
        case .reply(let reply):
            let text = String(decoding: reply.body, as: UTF8.self)
            return Seen(
                status: reply.status, object: (try? JSONValue(parsing: text).object) ?? [:], isLive: false, text: text,
                headers: Dictionary(reply.headers.map { ($0.name, $0.value) }) { $1 })
        }
    }

    struct Seen {
        let status: Int
        let object: JSONObject
        let isLive: Bool
        let text: String
        let headers: [String: String]
    }

    func logIn(_ secret: String = secret) async throws -> String {
        let reply = await send("POST", "/admin/session", ["apiKey": .string(secret)])
        return try #require(reply.object["token"]?.string)
    }

    func signIn(_ user: String) async throws -> SessionHandle {
        guard case .created(let issued) = try await service.createSession(NewSession(userID: UserID(user))) else {
            throw Refused()
        }
        return issued.session.handle
    }

    struct Refused: Error {}
}

@Suite("Admin page: who may ask")
struct AdminAccessTests {
    @Test(
        "AP23: the host is a loopback name or the configured one",
        arguments: [
            ("127.0.0.1:3568", 200), ("localhost", 200), ("[::1]:3568", 200), ("a.localhost:1", 200),
            ("admin.example.com", 200), ("ADMIN.example.com", 200), ("admin.example.com:444", 421),
            ("evil.example.com", 421), ("127.0.0.1.evil.example.com", 421), ("", 421), (nil, 421),
        ] as [(String?, Int)])
    func hosts(host: String?, status: Int) async throws {
        let place = try await AdminPlace(origin: "https://admin.example.com")
        for (method, path) in [("GET", "/admin"), ("GET", "/admin/admin.js")] {
            #expect(await place.send(method, path, host: host).status == status)
        }
        let body: JSONObject = ["apiKey": .string(AdminPlace.secret)]
        #expect(await place.send("POST", "/admin/session", body, host: host).status == status)
    }

    struct Source: Sendable {
        var site: String?
        var origin: String?
        var marked = true
        let status: Int
    }

    @Test(
        "AP23: a change is asked for by the page itself, or by no page",
        arguments: [
            Source(status: 200), Source(site: "same-origin", status: 200),
            Source(site: "same-origin", origin: "http://127.0.0.1:3568", status: 200),
            Source(origin: "http://127.0.0.1:3568", status: 200), Source(site: "none", status: 403),
            Source(site: "same-site", status: 403), Source(site: "cross-site", status: 403),
            Source(site: "cross-site", origin: "http://127.0.0.1:3568", status: 403),
            Source(origin: "http://127.0.0.1:3567", status: 403), Source(origin: "null", status: 403),
            Source(origin: "https://evil.example.com", status: 403), Source(marked: false, status: 403),
            Source(site: "same-origin", marked: false, status: 403),
        ])
    func sources(source: Source) async throws {
        let place = try await AdminPlace()
        let body: JSONObject = ["apiKey": .string(AdminPlace.secret)]
        let reply = await place.send("POST", "/admin/session", body, marked: source.marked) {
            ($0.core.fetchSite, $0.core.origin) = (source.site, source.origin)
        }
        #expect(reply.status == source.status)
        #expect((reply.object["token"] != nil) == (source.status == 200))
    }

    @Test("the address bar may read the page, and another site may not embed it")
    func reading() async throws {
        let place = try await AdminPlace()
        for (site, status) in [("none", 200), ("same-origin", 200), ("cross-site", 403)] {
            #expect(await place.send("GET", "/admin", marked: false) { $0.core.fetchSite = site }.status == status)
        }
    }

    @Test("nothing but the page's files is answered without an admin session", arguments: AdminRoute.allCases)
    func closed(route: AdminRoute) async throws {
        let place = try await AdminPlace()
        let isOpen = route.file != nil
        for method in route.methods where route != .link && !(route == .session && method == "POST") {
            for token in [nil, "", "x", AdminPlace.secret] {
                let reply = await place.send(method, route.rawValue, token: token)
                let isLogOut = route == .session && method == "DELETE" && token != nil
                if isOpen || isLogOut {
                    #expect(reply.status < 400)
                } else {
                    #expect(reply.status == 401 && reply.object["error"] != nil, "\(method) \(route)")
                }
            }
        }
        for method in ["PUT", "PATCH", "OPTIONS"] { #expect(await place.send(method, route.rawValue).status == 405) }
    }

    @Test("what there is not", arguments: ["/admin/x", "/hello", "/recipe/session", "/metrics", "/admin/session/", ""])
    func unknown(path: String) async throws {
        #expect(try await AdminPlace().send("GET", path).status == 404)
    }

    @Test(
        "AP21: the key is one of the page's own, and is shown nowhere",
        arguments: [
            (AdminPlace.secret, "alice"), (AdminPlace.other, "bob"), ("", nil), ("an-admin-key-of-24-letter", nil),
            ("an-admin-key-of-24-letters ", nil),
        ] as [(String, String?)])
    func keys(secret: String, name: String?) async throws {
        let place = try await AdminPlace()
        let reply = await place.send("POST", "/admin/session", ["apiKey": .string(secret)])
        #expect(reply.object["name"]?.string == name)
        #expect(reply.status == (name == nil ? 401 : 200))
        #expect(secret.isEmpty || !reply.text.contains(secret))
        #expect(!"\(place.settings) \(place.settings.keys)".contains("letters"))
    }

    @Test("bodies that are no object of JSON are refused, and end nothing")
    func bodies() async throws {
        let place = try await AdminPlace()
        for text in ["[]", "{", "null", "\u{0}", "{\"apiKey\":1}"] {
            let reply = await place.send("POST", "/admin/session") { $0.core.body = Array(text.utf8) }
            #expect([400, 401].contains(reply.status))
        }
    }

    @Test("AP21: wrong keys get 429 after five in a minute; the right one is never refused")
    func limiter() async throws {
        let place = try await AdminPlace()
        func wrong() async -> Int { await place.send("POST", "/admin/session", ["apiKey": "wrong"]).status }
        for _ in 0..<5 { #expect(await wrong() == 401) }
        for _ in 0..<20 { #expect(await wrong() == 429) }
        _ = try await place.logIn()
        place.clock.advance(by: .seconds(59))
        #expect(await wrong() == 429)
        place.clock.advance(by: .seconds(1))
        #expect(await wrong() == 401)
    }

    @Test(
        "AP21: a session lives 15 minutes unused and 8 hours at most",
        arguments: [(899, true), (900, false)])
    func idle(seconds: Int64, lives: Bool) async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        for _ in 0..<4 {
            place.clock.advance(by: .seconds(899))
            #expect(await place.send("GET", "/admin/session", token: token).status == 200)
        }
        place.clock.advance(by: .seconds(seconds))
        #expect(await place.send("GET", "/admin/overview", token: token).status == (lives ? 200 : 401))
    }

    @Test("AP21: use does not move the last end, and the page is told of it")
    func absolute() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        var reply = await place.send("GET", "/admin/session", token: token)
        #expect(reply.object["endsIn"] == 900_000 && reply.object["isLast"] == false)
        for _ in 0..<47 {
            place.clock.advance(by: .seconds(600))
            reply = await place.send("GET", "/admin/session", token: token)
            #expect(reply.status == 200)
        }
        #expect(reply.object["endsIn"] == 600_000 && reply.object["isLast"] == true)
        #expect(reply.headers["X-Tessera-Admin-Ends-In"] == "600000")
        place.clock.advance(by: .seconds(600))
        #expect(await place.send("GET", "/admin/session", token: token).status == 401)
    }

    @Test("figures are no use of a session")
    func figures() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        #expect(await place.send("GET", "/admin/live", token: token).isLive)
        place.clock.advance(by: .seconds(899))
        #expect(place.api.sessions.isLive(token))
        place.clock.advance(by: .seconds(1))
        #expect(!place.api.sessions.isLive(token))
    }

    @Test("a clock that is set back ends the session: how long it lived is not known")
    func clockBack() async throws {
        let place = try await AdminPlace()
        let token = try await place.logIn()
        place.clock.advance(by: .seconds(-1))
        #expect(await place.send("GET", "/admin/session", token: token).status == 401)
    }

    @Test("log-out ends the session, and so does the end of its key")
    func ends() async throws {
        let place = try await AdminPlace()
        let (first, second, third) = (
            try await place.logIn(), try await place.logIn(), try await place.logIn(AdminPlace.other)
        )
        #expect(await place.send("DELETE", "/admin/session", token: first).status == 200)
        #expect(await place.send("GET", "/admin/session", token: first).status == 401)
        #expect(await place.send("GET", "/admin/session", token: second).status == 200)
        var settings = place.settings
        settings.keys.removeFirst()
        place.api.adopt(settings)
        #expect(await place.send("GET", "/admin/session", token: second).status == 401)
        #expect(await place.send("GET", "/admin/session", token: third).status == 200)
    }

    @Test("how many sessions and codes there are is bounded; the newest live")
    func bounded() async throws {
        let place = try await AdminPlace()
        var tokens: [String] = []
        for _ in 0..<100 {
            tokens.append(try await place.logIn())
            place.clock.advance(by: .seconds(1))
        }
        let live = tokens.filter { place.api.sessions.isLive($0) }
        #expect(live == Array(tokens.suffix(32)))
        #expect(Set(tokens).count == 100 && tokens.allSatisfy { $0.utf8.count == 43 })
    }

    @Test("AP22: a link opens the page once, within a minute", arguments: [(59, 200), (60, 401)])
    func links(seconds: Int64, status: Int) async throws {
        let place = try await AdminPlace()
        let made = await place.send("POST", "/admin/link", ["apiKey": .string(AdminPlace.other)])
        let code = try #require(made.object["code"])
        place.clock.advance(by: .seconds(seconds))
        let reply = await place.send("POST", "/admin/session", ["code": code])
        #expect(reply.status == status)
        #expect((reply.object["name"] == "bob") == (status == 200))
        #expect(await place.send("POST", "/admin/session", ["code": code]).status == 401, "not twice")
        #expect(await place.send("POST", "/admin/link", ["apiKey": "wrong"]).status == 401)
    }
}
