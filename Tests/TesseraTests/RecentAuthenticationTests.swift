import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Recent authentication, step-up and remembered sessions in the SDK (docs/policy.md)")
struct RecentAuthenticationTests {
    private static let login = HTTPRequest(
        method: .post, scheme: "https", authority: "api.example.com", path: "/login",
        headerFields: [.authMode: "cookie"])

    private static func reason(_ body: () async throws -> Void) async -> JSONObject? {
        do {
            try await body()
            return nil
        } catch let error as SessionError {
            guard case .invalidClaims(let errors) = error.kind else { return ["other": .string("\(error)")] }
            return errors.first?.reason
        } catch {
            return ["other": .string("\(error)")]
        }
    }

    @Test("ASVS 7.5.1 and 7.5.3: what matters asks for a recent authentication, and the session lives on")
    func recent() async throws {
        let test = try await TestSessions()
        let session = try await test.sessions.create(userID: "u")
        #expect(await Self.reason { try await session.requireRecentAuthentication(.minutes(5)) } == nil)
        test.clock.advance(by: .seconds(300))
        #expect(await Self.reason { try await session.requireRecentAuthentication(.minutes(5)) } == nil)
        test.clock.advance(by: .milliseconds(1))
        let reason = await Self.reason { try await session.requireRecentAuthentication(.minutes(5)) }
        #expect(reason?["message"] == "step-up required" && reason?["maxAgeInSeconds"] == 300)
        let level = await Self.reason { try await session.requireRecentAuthentication(.hours(5), level: "aal2") }
        #expect(level?["expectedLevel"] == "aal2")
        let backend = test.sessions.backend
        let token = try #require(session.refreshToken)
        let issued = try await backend.stepUp(
            StepUp(level: "aal2", methods: ["otp"]), with: PresentedRefreshToken(refreshToken: token))
        #expect(issued.session.handle == session.handle)
        #expect(await Self.reason { try await session.requireRecentAuthentication(.minutes(5), level: "aal2") } == nil)
        #expect(await Self.reason { try await session.requireRecentAuthentication(.minutes(5), level: "aal3") } != nil)
        let known = try await session.information().authentication
        #expect(known?.level == "aal2" && known?.methods == ["otp"])
        #expect(known.map { $0.lastAt > $0.fullAt } == true, "one factor begins no new term")
        // Marked by the application itself, without a level.
        test.clock.advance(by: .seconds(600))
        let current = try await test.sessions.refresh(refreshToken: issued.refreshToken)
        #expect(await Self.reason { try await current.requireRecentAuthentication(.minutes(5)) } != nil)
        try await current.markAuthenticated()
        #expect(await Self.reason { try await current.requireRecentAuthentication(.minutes(5)) } == nil)
        #expect(await Self.reason { try await current.requireRecentAuthentication(.minutes(5), level: "aal2") } != nil)
    }

    @Test("A step-up in a request gives the client tokens of the new level, once for a lost reply too")
    func inRequest() async throws {
        let test = try await TestSessions()
        let begun = SessionExchange(request: Self.login)
        _ = try await test.sessions.create(userID: "u", in: begun)
        var page = Page(test.sessions)
        page.take(begun)
        let request = page.request(.post, "/auth/session/refresh/second-factor", [.recipeID: "session"])
        var tokens: Set<String> = []
        for _ in 0..<2 {
            let exchange = SessionExchange(request: request)
            let session = try await test.sessions.stepUp(
                to: "aal2", methods: ["pwd", "otp"], isFull: true, in: exchange)
            tokens.insert(session.refreshToken?.exposed ?? "")
        }
        #expect(tokens.count == 1)
    }

    @Test("Cookies of a session that is not remembered end with the browser, also after a refresh; others do not")
    func sessionCookies() async throws {
        for (uses, remembers) in [(false, false), (true, false), (true, true)] {
            var configuration = SessionConfiguration()
            configuration.usesSessionCookies = uses
            let test = try await TestSessions(configuration: configuration)
            let exchange = SessionExchange(request: Self.login)
            let session = try await test.sessions.create(userID: "u", in: exchange, rememberMe: remembers)
            let lasts = !uses || remembers
            #expect(Self.lines(exchange).count == 2)
            #expect(
                Self.lines(exchange).allSatisfy { $0.contains("Expires=") == lasts && $0.contains("Max-Age=") == lasts }
            )
            var page = Page(test.sessions)
            page.take(exchange)
            let request = page.request(.post, "/auth/session/refresh", [.recipeID: "session"])
            let refresh = SessionExchange(request: request)
            _ = try await test.sessions.refresh(in: refresh)
            #expect(Self.lines(refresh).allSatisfy { $0.contains("Expires=") == lasts }, "\(uses) \(remembers)")
            #expect(try await test.sessions.backend.information(on: session.handle) != nil)
        }
    }

    private static func lines(_ exchange: SessionExchange) -> [String] {
        var fields = HTTPFields()
        exchange.changes.apply(to: &fields)
        return fields[values: .setCookie]
    }

    @Test("A remembered session has the limits for remembered ones; a limit on their number ends the oldest")
    func policy() async throws {
        var policy = SessionPolicy(signingAlgorithm: .es256)
        policy.limits = SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))
        policy.rememberedIdleLimit = .none
        policy.rememberedAbsoluteLimit = .of(.days(30))
        policy.sessionLimit = SessionLimit(2)
        let test = try await TestSessions(policy: policy)
        let normal = try await test.sessions.create(userID: "u")
        #expect(normal.refreshTokenExpiresAt.map { Timestamp($0) } == test.clock.time + .seconds(900))
        // Of two that began at one moment either is the oldest.
        test.clock.advance(by: .seconds(1))
        let remembered = try await test.sessions.create(userID: "u", rememberMe: true)
        #expect(remembered.refreshTokenExpiresAt.map { Timestamp($0) } == test.clock.time + .days(30))
        _ = try await test.sessions.create(userID: "u")
        #expect(try await test.sessions.backend.information(on: normal.handle) == nil)
        #expect(try await test.sessions.backend.information(on: remembered.handle) != nil)
    }
}
