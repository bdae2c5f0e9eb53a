import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Anonymous sessions and impersonation in the SDK (docs/policy.md)")
struct AnonymousSessionTests {
    private static let home = HTTPRequest(
        method: .post, scheme: "https", authority: "api.example.com", path: "/",
        headerFields: [.authMode: "cookie"])

    /// A page with an anonymous session.
    private static func visited(_ test: TestSessions, data: JSONObject = ["basket": 1]) async throws -> (Page, Session)
    {
        let exchange = SessionExchange(request: home)
        let session = try await test.sessions.createAnonymous(in: exchange, data: data)
        var page = Page(test.sessions)
        page.take(exchange)
        return (page, session)
    }

    private static func refused(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch let error as SessionError {
            return error.claimErrors.first?.id ?? "\(error.code)"
        } catch {
            return "\(error)"
        }
    }

    @Test("AN02: a route that knows nothing of anonymous users answers 403, or sees no session where none is required")
    func refusedByDefault() async throws {
        let test = try await TestSessions()
        let (page, session) = try await Self.visited(test)
        #expect(session.isAnonymous && session.userID.isAnonymous)
        func read(_ options: VerifyOptions = VerifyOptions()) async throws -> Session? {
            try await test.sessions.session(in: SessionExchange(request: page.request(.get, "/me")), options: options)
        }
        #expect(await Self.refused { _ = try await read() } == "anonymous")
        #expect(try await read(VerifyOptions(isRequired: false)) == nil)
        let allowed = try await read(VerifyOptions(anonymous: .allowed))
        #expect(allowed?.userID == session.userID && allowed?.isAnonymous == true)
        let exchange = SessionExchange(request: page.request(.get, "/me"))
        do {
            _ = try await test.sessions.session(in: exchange)
        } catch {
            let reply = await test.sessions.reply(to: error, in: exchange)
            #expect(reply.status == .forbidden && exchange.changes.isEmpty, "the client keeps its tokens")
        }
        // Whoever has a session may sign out.
        let out = SessionExchange(request: page.request(.post, "/auth/signout", [.recipeID: "session"]))
        _ = await test.sessions.answer(.signOut, in: out)
        #expect(try await test.sessions.information(on: session.handle) == nil)
        let user = try await test.sessions.create(userID: "anon_x")
        #expect(!user.isAnonymous, "an id of another form is a user's")
    }

    @Test("AN03: a sign-in takes the place of the anonymous session; a double click gets the same one")
    func upgrade() async throws {
        let test = try await TestSessions()
        let (page, first) = try await Self.visited(test)
        let request = page.request(.post, "/auth/session/refresh/sign-in", [.recipeID: "session"])
        var handles: Set<SessionHandle> = []
        for _ in 0..<2 {
            let exchange = SessionExchange(request: request)
            let session = try await test.sessions.upgrade(
                to: "u", in: exchange, payload: ["role": "buyer"], rememberMe: true)
            handles.insert(session.handle)
            #expect(session.userID == UserID("u") && !session.isAnonymous && session.payload["role"] == "buyer")
            #expect(try await session.data() == ["basket": 1])
            var signedIn = Page(test.sessions)
            signedIn.take(exchange)
            let read = try await test.sessions.session(
                in: SessionExchange(request: signedIn.request(.get, "/me")),
                options: VerifyOptions(checksDatabase: true))
            #expect(read?.handle == session.handle)
        }
        #expect(handles.count == 1 && !handles.contains(first.handle))
        #expect(try await test.sessions.information(on: first.handle) == nil)
        // Another tab of the anonymous session waits, and keeps its tokens.
        let late = SessionExchange(request: page.request(.post, "/auth/session/refresh", [.recipeID: "session"]))
        #expect(await Self.refused { _ = try await test.sessions.refresh(in: late) } == "retryLater")
        #expect(late.changes.isEmpty)
        let other = SessionExchange(request: request)
        #expect(await Self.refused { _ = try await test.sessions.upgrade(to: "v", in: other) } == "retryLater")
        let own = try await test.sessions.create(userID: "w")
        #expect(
            await Self.refused {
                _ = try await test.sessions.backend.upgrade(
                    Upgrade(to: NewSession(userID: "x")),
                    with: PresentedRefreshToken(refreshToken: try #require(own.refreshToken)))
            } == "badInput")
    }

    @Test("AN04: the application puts together what both have; by default the user's own stays")
    func mergedData() async throws {
        let test = try await TestSessions()
        let (page, _) = try await Self.visited(test, data: ["basket": 1, "colour": "red"])
        let request = page.request(.post, "/auth/session/refresh/sign-in", [.recipeID: "session"])
        let session = try await test.sessions.upgrade(
            to: "u", in: SessionExchange(request: request), data: ["basket": 5]
        ) { anonymous, existing in
            ["basket": .integer((anonymous["basket"]?.number?.int64 ?? 0) + (existing["basket"]?.number?.int64 ?? 0))]
        }
        #expect(try await session.data() == ["basket": 6])
        let (other, _) = try await Self.visited(test, data: ["basket": 1, "colour": "red"])
        let second = try await test.sessions.upgrade(
            to: "u",
            in: SessionExchange(request: other.request(.post, "/auth/session/refresh/sign-in", [.recipeID: "session"])),
            data: ["basket": 5])
        #expect(try await second.data() == ["basket": 5, "colour": "red"])
        let (third, _) = try await Self.visited(test)
        let bare = try await test.sessions.upgrade(
            to: "u",
            in: SessionExchange(request: third.request(.post, "/auth/session/refresh/sign-in", [.recipeID: "session"])),
            keepsData: false)
        #expect(try await bare.data() == [:])
    }

    @Test("AN06, AN08: support acts as a user for a while; who it is can be seen, and refused")
    func impersonation() async throws {
        let test = try await TestSessions()
        let mara = try #require(ActingParty(subject: "support:mara"))
        let exchange = SessionExchange(request: Self.home)
        let session = try await test.sessions.impersonate("u", by: mara, reason: "ticket 4711", in: exchange)
        #expect(session.userID == UserID("u") && session.actor == mara)
        #expect(session.refreshTokenExpiresAt.map { Timestamp($0) } == test.clock.time + .seconds(900))
        var page = Page(test.sessions)
        page.take(exchange)
        func read(_ options: VerifyOptions = VerifyOptions()) async throws -> Session? {
            try await test.sessions.session(in: SessionExchange(request: page.request(.get, "/me")), options: options)
        }
        #expect(try await read()?.actor == mara)
        #expect(await Self.refused { _ = try await read(VerifyOptions(impersonation: .refused)) } == "impersonation")
        let seen = try #require(try await read())
        try await seen.mergePayload(["act": .null, "k": 1])
        #expect(seen.actor == mara && seen.payload["k"] == 1)
        let again = SessionExchange(request: page.request(.post, "/impersonate", [.recipeID: "session"]))
        #expect(
            await Self.refused {
                _ = try await test.sessions.impersonate("v", by: mara, reason: "more", in: again)
            } == "impersonation")
        let factor = SessionExchange(
            request: page.request(.post, "/auth/session/refresh/second-factor", [.recipeID: "session"]))
        #expect(await Self.refused { _ = try await test.sessions.stepUp(to: "aal2", in: factor) } == "impersonation")
        #expect(
            await Self.refused {
                _ = try await test.sessions.impersonate(
                    "v", by: mara, reason: "", in: SessionExchange(request: Self.home))
            } == "badInput")
        #expect(try await seen.endImpersonation())
        #expect(try await test.sessions.information(on: session.handle) == nil)
        let own = try await test.sessions.create(userID: "u")
        #expect(try await !own.endImpersonation() && own.actor == nil)
        #expect(try await test.sessions.information(on: own.handle) != nil)
    }
}
