import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Cookies that browsers keep")
struct CookieSizeTests {
    private static let cookieRequest = HTTPRequest(
        method: .post, scheme: nil, authority: nil, path: "/login", headerFields: [.authMode: "cookie"])

    private static func signIn(
        _ test: TestSessions, _ userID: UserID, _ length: Int
    ) async -> Result<SessionExchange, SessionError> {
        let exchange = SessionExchange(request: cookieRequest)
        let payload: JSONObject = ["text": .string(String(repeating: "x", count: length))]
        do {
            _ = try await test.sessions.create(userID: userID, in: exchange, payload: payload)
            return .success(exchange)
        } catch {
            return .failure(error)
        }
    }

    /// The longest cookie that a session ever has, over some refreshes.
    private static func longest(_ test: TestSessions, _ exchange: SessionExchange) async throws -> Int {
        var page = Page(test.sessions)
        page.take(exchange)
        var longest = 0
        for _ in 0..<4 {
            longest = page.jar.cookies.map { $0.name.utf8.count + $0.value.utf8.count }.reduce(longest, max)
            let refreshed = await page.refresh()
            let handle = await page.call("/api")
            #expect(refreshed && handle != nil && page.refreshes == 1)
            page.refreshes = 0
        }
        return longest
    }

    @Test(
        "finding S10: what is given at sign-in fits after every refresh, and what would not is refused",
        arguments: [
            SigningAlgorithm.es256, .rs256,
        ])
    func limit(algorithm: SigningAlgorithm) async throws {
        let test = try await TestSessions(policy: SessionPolicy(signingAlgorithm: algorithm))
        var (fits, fails) = (0, 4_096)
        while fails - fits > 1 {
            let middle = (fits + fails) / 2
            if case .success = await Self.signIn(test, "alice", middle) { fits = middle } else { fails = middle }
        }
        let exchange = try await Self.signIn(test, "alice", fits).get()
        let longest = try await Self.longest(test, exchange)
        #expect(longest <= 4_096 && longest > 4_000, "\(longest)")
        guard case .failure(let error) = await Self.signIn(test, "alice", fails) else {
            Issue.record("a cookie that is too long was given")
            return
        }
        #expect(error.code == .badInput && error.reason.contains("text (\(fails + 2) bytes)"))
        let left = try await test.sessions.handles(of: "alice")
        let accepted = left.count
        _ = await Self.signIn(test, "alice", 5_000)
        #expect(try await test.sessions.handles(of: "alice").count == accepted, "a refused sign-in leaves no session")
    }

    @Test("finding S10: a payload that grows later is refused too")
    func merge() async throws {
        let test = try await TestSessions()
        let exchange = SessionExchange(request: Self.cookieRequest)
        let session = try await test.sessions.create(userID: "alice", in: exchange)
        var fits = 0
        for length in stride(from: 2_000, to: 4_000, by: 20) {
            do {
                try await session.mergePayload(["text": .string(String(repeating: "x", count: length))])
                fits = length
            } catch { break }
        }
        #expect(fits > 2_000)
        #expect(try await Self.longest(test, exchange) <= 4_096)
    }

    @Test(
        "finding S10: user ids are limited in process, in both ways of travelling",
        arguments: [1_023, 1_024, 1_025, 5_000])
    func userID(length: Int) async throws {
        let test = try await TestSessions()
        for character in ["u", "€"] {
            let count = length / character.utf8.count + (length % character.utf8.count > 0 ? 1 : 0)
            let user = UserID(String(repeating: character, count: count))
            let fits = user.rawValue.utf8.count <= 1_024
            let inHeader = try? await test.sessions.create(userID: user)
            #expect((inHeader != nil) == fits)
            guard case .success(let exchange) = await Self.signIn(test, user, 1) else {
                #expect(!fits || character == "€")
                continue
            }
            #expect(try await Self.longest(test, exchange) <= 4_096)
        }
    }

    @Test("finding S16: Max-Age says for how long, whatever the client's clock says")
    func maxAge() async throws {
        let test = try await TestSessions(
            policy: SessionPolicy(refreshTokenValidity: .seconds(600), signingAlgorithm: .es256))
        var fields = HTTPFields()
        try await Self.signIn(test, "alice", 1).get().changes.apply(to: &fields)
        let lines = fields[values: .setCookie]
        #expect(lines.contains { $0.hasPrefix("__Secure-sRefreshToken=") && $0.hasSuffix("; Max-Age=600") })
        #expect(lines.contains { $0.hasPrefix("__Host-sAccessToken=") && $0.hasSuffix("; Max-Age=31536000") })
        #expect(lines.allSatisfy { $0.contains("; Expires=") })
        let cleared = SessionExchange(
            request: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/auth/session/refresh"))
        _ = await test.sessions.answer(.refresh, in: cleared)
        var gone = HTTPFields()
        cleared.changes.apply(to: &gone)
        #expect(gone[values: .setCookie].allSatisfy { $0.hasSuffix("; Max-Age=0") && $0.contains("1970") })
        #expect(gone[values: .setCookie].count == 2)
    }
}
