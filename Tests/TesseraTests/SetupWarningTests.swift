import Foundations
import HTTPTypes
import Logging
import SessionEngine
import Synchronization
import TesseraTesting
import Testing

@testable import TesseraSessions

/// The lines that an operator sees at `INFO`.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var warnings: [String] { lines.withLock { $0 } }

    struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.info
        var metadata = Logger.Metadata()
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            guard event.level >= .warning else { return }
            lines.lines.withLock { $0.append("\(event.message)") }
        }
    }
}

@Suite("What an operator hears of settings that do not fit")
struct SetupWarningTests {
    private static func sessions(
        _ api: String, website: String? = nil, _ lines: Lines,
        _ configure: (inout SessionConfiguration) -> Void = { _ in }
    ) async throws -> (Sessions, VirtualClock) {
        let test = try await TestSessions()
        var configuration = SessionConfiguration()
        configure(&configuration)
        let app = try AppInfo(name: "Test", apiDomain: api, website: website.map(AppInfo.Website.fixed))
        let clock = test.clock
        let sessions = try Sessions(
            app: app, configuration: configuration, backend: test.backend,
            clock: ClockAndRandomness(time: { clock.time }, randomBits: ClockAndRandomness.system.randomBits),
            logger: Logger(label: "test") { _ in Lines.Handler(lines: lines) })
        return (sessions, clock)
    }

    /// API and page, and whether they are one site, so that the page's cookies come.
    static let pages = [
        ("http://localhost:3000", "http://localhost:5173"), ("https://api.example.com", "https://www.example.com"),
        ("https://api.example.com", "https://example.com:8443"),
    ]

    @Test(
        "finding S19: a page that was not named gets 403 and one warning with its origin and the setting",
        arguments: pages)
    func unknownPage(api: String, origin: String) async throws {
        let lines = Lines()
        let (sessions, clock) = try await Self.sessions(api, lines)
        var page = Page(sessions)
        page.fields = [.origin: origin, .fetchSite: "same-site"]
        let handle = try await page.signIn("alice")
        let read = await page.call("/api")
        #expect(read == handle)
        for method in [.post, .put, .delete] as [HTTPRequest.Method] {
            let exchange = SessionExchange(request: page.request(method, "/api"))
            let error = await #expect(throws: SessionError.self) { try await sessions.session(in: exchange) }
            let reply = await sessions.reply(to: try #require(error), in: exchange)
            #expect(reply.status == .forbidden && exchange.changes.isEmpty)
        }
        let refresh = SessionExchange(request: page.request(.post, "/auth/session/refresh"))
        let reply = await sessions.answer(.refresh, in: refresh)
        #expect(reply.status == .forbidden && refresh.changes.isEmpty, "no one is signed out")
        #expect(lines.warnings.count == 1)
        #expect(lines.warnings.first?.contains(origin) == true && lines.warnings.first?.contains("website:") == true)
        clock.advance(by: .seconds(3_601))
        _ = await sessions.answer(.refresh, in: refresh)
        #expect(lines.warnings.count == 2)
    }

    @Test("finding S19: made-up origins fill neither log nor memory")
    func limiter() {
        let limiter = WarningLimiter()
        var time = Timestamp(milliseconds: 1_000_000)
        let first = (0..<10_000).filter { limiter.isDue("o\($0)", at: time) }
        #expect(first.count == 20)
        for minute in 1...100 {
            time = Timestamp(milliseconds: 1_000_000 + Int64(minute) * 60_000)
            let due = (0..<1_000).filter { limiter.isDue("m\(minute) \($0)", at: time) }
            #expect(due.count == 20)
        }
        #expect(!limiter.isDue("m100 3", at: time), "the newest are remembered")
    }

    @Test("a warning says how many of its kind were not written, and leaves others their turn")
    func counted() {
        let limiter = WarningLimiter()
        func due(_ seconds: Int64) -> Int? {
            limiter.due("device report", at: Timestamp(milliseconds: 1_000_000_000 + seconds * 1_000))
        }
        #expect(due(0) == 0)
        for second in 1...1_000 { #expect(due(Int64(second)) == nil) }
        #expect(limiter.isDue("device later", at: Timestamp(milliseconds: 1_001_000_000)))
        #expect(due(3_600) == 1_000)
        #expect(due(3_601) == nil && due(7_200) == 1 && due(10_800) == 0)
    }

    @Test("a registration is asked for again where it may have been done")
    func repeated() {
        let cases: [(SessionError, Bool)] = [
            (.coreUnavailable("the answer was lost"), true), (.coreRejected(status: 500, message: "x"), true),
            (.coreUnavailable("busy", retryAfterSeconds: 1), false), (.misconfigured("x"), false),
        ]
        for (error, mayBeDone) in cases { #expect(error.mayBeDone == mayBeDone, "\(error)") }
    }

    /// API, website, the page's origin, what the browser says, and whether the cookies are lost.
    static let signIns: [(api: String, website: String?, origin: String, site: String?, isLost: Bool)] = [
        ("http://localhost:3000", "http://127.0.0.1:5173", "http://127.0.0.1:5173", "cross-site", true),
        ("http://localhost:3000", "http://127.0.0.1:5173", "http://127.0.0.1:5173", nil, true),
        ("http://127.0.0.1:3000", "http://localhost:5173", "http://localhost:5173", "cross-site", true),
        ("http://localhost:3000", "http://localhost:5173", "http://localhost:5173", "same-site", false),
        ("http://localhost:3000", nil, "http://localhost:3000", "same-origin", false),
        ("http://192.168.0.7:3000", "http://192.168.0.8:3000", "http://192.168.0.8:3000", nil, true),
        ("https://api.example.com", "https://example.com", "https://example.com", "same-site", false),
        ("https://api.example.com", "https://example.com", "https://example.com", nil, false),
        ("https://api.example.com", "https://shop.test", "https://shop.test", "cross-site", true),
        ("https://a.github.io", "https://b.github.io", "https://b.github.io", nil, true),
    ]

    @Test("finding S21: cookies that will not arrive are told of at sign-in, once", arguments: signIns.indices)
    func lostCookies(row: Int) async throws {
        let (api, website, origin, site, isLost) = Self.signIns[row]
        let lines = Lines()
        let (sessions, _) = try await Self.sessions(api, website: website, lines)
        for _ in 0..<3 {
            var page = Page(sessions)
            page.fields = [.origin: origin]
            page.fields[.fetchSite] = site
            _ = try await page.signIn("alice")
        }
        #expect(lines.warnings.count == (isLost ? 1 : 0), "\(lines.warnings)")
        #expect(lines.warnings.allSatisfy { $0.contains(origin) })
    }

    @Test("finding S21: an answer that another site's form or link leads to is no page of ours")
    func navigation() async throws {
        let lines = Lines()
        let (sessions, _) = try await Self.sessions("https://api.example.com", lines)
        var page = Page(sessions)
        page.fields = [.origin: "https://idp.test", .fetchSite: "cross-site", .fetchMode: "navigate"]
        _ = try await page.signIn("alice")
        #expect(lines.warnings.isEmpty)
    }

    @Test("finding S21: Partitioned is written where it is wanted, and wanted only with TLS")
    func partitioned() async throws {
        let lines = Lines()
        let (sessions, _) = try await Self.sessions("https://api.example.com", website: "https://shop.test", lines) {
            $0.partitionsCookies = true
        }
        var page = Page(sessions)
        page.fields = [.origin: "https://shop.test", .fetchSite: "cross-site", .recipeID: "session"]
        let exchange = SessionExchange(request: page.request(.post, "/login", [.authMode: "cookie"]))
        _ = try await sessions.create(userID: "alice", in: exchange)
        let set = page.take(exchange)[values: .setCookie]
        #expect(set.count == 2 && set.allSatisfy { $0.contains("; Secure; SameSite=None; Partitioned;") })
        #expect(lines.warnings.isEmpty)
        #expect(throws: SessionError.self) {
            var configuration = SessionConfiguration()
            configuration.partitionsCookies = true
            _ = try SessionSettings(AppInfo(name: "a", apiDomain: "http://localhost:1"), configuration)
        }
    }
}
