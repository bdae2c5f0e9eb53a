import HTTPTypes
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

@Suite("The rules of a client (CL)")
struct ClientRuleTests {
    @Test("CL01: a new access token of an ordinary response is kept, and its claims")
    func payload() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.clock.advance(by: .seconds(5))
        let before = try #require(try await place.tokens)
        _ = try await place.client.data(for: ClientPlace.request(.post, "/payload"))
        let after = try #require(try await place.tokens)
        #expect(after.access != before.access && after.refresh == before.refresh)
    }

    @Test("CL22: a response that comes after a sign-out, or after the next user's sign-in, changes nothing")
    func late() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let before = try await place.store.read()
        try await place.client.signOut()
        try await place.signIn("bob")
        let late = ScriptedServer(clock: place.clock)
        let login = try await late.send(ClientPlace.request(.post, "/login"), body: .bytes([65]), timeout: .seconds(1))
        try await place.client.take(login.head.headerFields, sentWith: before, nil)
        #expect(try await place.me() == (200, "bob"))
        // Its session is signed out at the server, which here is another one and knows nothing of it.
        #expect(try await place.store.read().account == 3)
    }

    @Test("CL22: a refresh that ends after a sign-out and the next sign-in changes nothing, and its session ends")
    func lateRefresh() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        place.server.setMeanwhile { request in
            guard request.path == ClientPlace.refreshPath else { return }
            place.server.setMeanwhile(nil)
            _ = try? await place.client.signOut()
            try? await place.signIn("bob")
        }
        #expect(try await place.client.refresh() == false, "whose refresh it was is signed out")
        #expect(try await place.me() == (200, "bob"))
        await place.client.signOuts?.value
        #expect(place.server.record.ended == ["s1": "user"])
    }

    @Test("CL22: of a user whom another one replaced during a refresh the session ends too")
    func replaced() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.duringRefresh { try? await place.signIn("bob") }
        #expect(try await place.client.refresh() == false)
        #expect(try await place.me() == (200, "bob"))
        await place.client.signOuts?.value
        #expect(place.server.record.ended == ["s1": "user"])
    }

    @Test("CL22: a verdict on the session before does not end the present one")
    func lateVerdict() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.server.endAll()
        place.duringRefresh { try? await place.signIn("bob") }
        _ = try await place.client.refresh()
        #expect(try await place.me() == (200, "bob"))
    }

    @Test("a step-up during a refresh is no other user: the session lives, with the tokens of the step-up")
    func steppedUp() async throws {
        let place = try ClientPlace(rotation: .atOnce(grace: .seconds(30)))
        try await place.signIn()
        place.duringRefresh { _ = try? await place.client.data(for: ClientPlace.request(.post, "/step-up")) }
        #expect(try await place.client.refresh())
        await place.client.signOuts?.value
        #expect(place.server.record.ended.isEmpty && place.server.liveSessions == ["s1"])
        #expect(try await place.tokens?.refresh.text == "r.s1.2")
        #expect(try await place.me() == (200, "alice"))
    }

    @Test("CL24: a response that was cut is none, whatever its fields say")
    func cut() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.once(ClientPlace.refreshPath, .cut(1))
        #expect(try await place.client.refresh())
        #expect(place.server.record.attempts.count == 2)
    }

    @Test("S5: where another process has refreshed meanwhile, its token is tried before another refresh")
    func quicker() async throws {
        let place = try ClientPlace()
        let other = try ClientPlace.client(place.server, place.store, place.clock.clock())
        try await place.signIn()
        _ = try await place.store.update { kept in
            var next = kept
            next.tokens?.lifetime = .max
            return next
        }
        place.expire()
        place.server.setMeanwhile { request in
            guard request.path == "/me" else { return }
            place.server.setMeanwhile(nil)
            _ = try? await other.refresh()
        }
        #expect(try await place.me() == (200, "alice"))
        #expect(place.server.record.refreshes == 1)
    }

    @Test(
        "CL23, L1: a sign-out reaches the server after the access token has expired, and later where the network is away",
        arguments: [true, false])
    func signOut(_ revokes: Bool) async throws {
        let place = try ClientPlace()
        place.server.setRevokes(revokes)
        try await place.signIn()
        place.expire()
        place.server.setFault { _, _ in .lost }
        #expect(try await place.client.signOut() == .pending)
        #expect(try await place.client.state == .signedOut(.user))
        place.server.setFault(nil)
        #expect(place.server.record.ended.isEmpty)
        place.clock.advance(by: .seconds(31))
        _ = try await place.me()
        await place.client.signOuts?.value
        #expect(place.server.record.ended == ["s1": "user"])
        #expect(place.server.record.refreshes == (revokes ? 0 : 1), "in one step where the server can")
        #expect(try await place.store.read().pendingSignOuts == [])
    }

    @Test("L1: a portal that answers 200 to everything has not signed out")
    func portal() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.server.setFault { _, _ in .status(200) }
        #expect(try await place.client.signOut() == .pending)
        #expect(place.server.record.ended.isEmpty)
    }

    @Test("a sign-out that nobody hears is forgotten after seven days")
    func forgotten() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.server.setFault { _, _ in .lost }
        try await place.client.signOut()
        place.clock.advance(by: .seconds(8 * 86_400))
        _ = try? await place.me()
        await place.client.signOuts?.value
        #expect(try await place.store.read().pendingSignOuts == [])
    }

    @Test("CL24: the same refresh token is sent again after a lost response", arguments: [true, false])
    func lost(_ isAtOnce: Bool) async throws {
        let place = try ClientPlace(rotation: isAtOnce ? .atOnce(grace: .seconds(30)) : .atFirstUse)
        try await place.signIn()
        place.expire()
        place.once(ClientPlace.refreshPath, .unanswered)
        #expect(try await place.me() == (200, "alice"))
        let sent = place.server.record.requests.filter { $0.path == ClientPlace.refreshPath }
        #expect(sent.count == 2 && sent[0].headerFields[.authorization] == sent[1].headerFields[.authorization])
        #expect(place.server.record.ended.isEmpty)
    }

    @Test("CL25: a call waits as long as it may; afterwards callers get an error at once until the pause is over")
    func patience() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        place.always(ClientPlace.refreshPath, .status(503))
        let begin = place.clock.steady
        await #expect(throws: ClientError.self) { try await place.me() }
        #expect(place.clock.steady - begin <= 10_000)
        let attempts = place.server.record.attempts
        for (first, second) in zip(attempts, attempts.dropFirst()) { #expect(second - first >= 2_000) }
        for _ in 0..<20 { await #expect(throws: ClientError.self) { try await place.me() } }
        #expect(place.server.record.attempts.count <= 6)
        place.server.setFault(nil)
        place.clock.advance(by: .seconds(31))
        #expect(try await place.me() == (200, "alice"))
    }

    @Test("CL26: before it expires a token is replaced in its last tenth, at most a minute; what is still good is used")
    func proactive() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.clock.advance(by: .seconds(3_539))
        _ = try await place.me()
        #expect(place.server.record.refreshes == 0)
        place.always(ClientPlace.refreshPath, .status(503))
        place.clock.advance(by: .seconds(2))
        #expect(try await place.me().0 == 200, "the token is still accepted")
        place.server.setFault(nil)
        place.clock.advance(by: .seconds(31))
        _ = try await place.me()
        #expect(place.server.record.refreshes == 1)
    }

    @Test("CL28: a clock that is wrong by a year causes no loop and no sign-out", arguments: [-1, 1])
    func wrongClock(_ years: Int64) async throws {
        let place = try ClientPlace()
        place.clock.setWall(place.clock.wall + years * 365 * 86_400_000)
        try await place.signIn()
        for _ in 0..<20 {
            place.clock.advance(by: .seconds(60))
            #expect(try await place.me().0 == 200)
        }
        place.clock.setWall(place.clock.wall - years * 365 * 86_400_000)
        for _ in 0..<20 {
            place.clock.advance(by: .seconds(60))
            #expect(try await place.me().0 == 200)
        }
        #expect(place.server.record.refreshes == 0)
        place.clock.advance(by: .seconds(3_000))
        #expect(try await place.me().0 == 200)
        #expect(place.server.record.refreshes == 1)
    }

    @Test("after a restart of the machine one refresh sets the clocks right")
    func restart() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.clock.setWall(0)
        let later = try ClientPlace.client(place.server, place.store, place.clock.clock(boot: "another"))
        for _ in 0..<5 { #expect(try await place.me(later).0 == 200) }
        #expect(place.server.record.refreshes == 1)
    }

    @Test("CL29, SP04: what a background refresh brought is replaced by the first call for a user")
    func background() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        try await SessionActivity.$current.withValue(.background) {
            _ = try await place.me()
            _ = try await place.me()
        }
        let fields = place.server.record.requests.suffix(3).map { $0.headerFields[SessionFields.activityName] }
        #expect(place.server.record.refreshes == 1 && fields == ["background", "background", "background"])
        _ = try await place.me()
        _ = try await place.me()
        #expect(place.server.record.refreshes == 2)
        #expect(place.server.record.requests.last?.headerFields[SessionFields.activityName] == nil)
    }

    @Test(
        "a redirection is followed without the token where it leaves the origin; a refresh follows none",
        arguments: [
            "https://evil.example/x", "https://api.example.com:444/", "http://api.example.com/", "//evil.example/x",
        ])
    func redirections(_ target: String) async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.once("/me", .redirect(target))
        _ = try await place.client.data(for: ClientPlace.request(.get, "/me"))
        place.always(ClientPlace.refreshPath, .redirect(target))
        await #expect(throws: ClientError.self) { try await place.client.refresh() }
        let foreign = place.server.record.foreign
        #expect(foreign.allSatisfy { $0.headerFields[.authorization] == nil })
        #expect(foreign.allSatisfy { $0.path != ClientPlace.refreshPath })
        #expect(try await place.tokens != nil)
    }

    @Test("one that stays on the origin keeps the token")
    func home() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        for target in ["/me", "https://api.example.com/me", "https://API.example.com:443/me"] {
            place.server.setFault { request, _ in request.path == "/old" ? .redirect(target) : nil }
            let reply = try await place.client.data(for: ClientPlace.request(.get, "/old"))
            // Another spelling of the origin is the same origin; this server knows one spelling.
            #expect(reply.0.status == .ok)
        }
        #expect(place.server.record.foreign.map { $0.headerFields[.authorization] != nil } == [true])
    }

    @Test("a 200 without all three fields is a fault of the set-up, and nothing is taken from it")
    func stripped() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let before = try await place.tokens
        for names in [["front-token"], ["st-refresh-token"], ["st-access-token"], ["st-access-token", "front-token"]] {
            place.always(ClientPlace.refreshPath, .stripped(names))
            await #expect(throws: ClientError.self) { try await place.client.refresh() }
            #expect(try await place.tokens == before)
            place.clock.advance(by: .seconds(31))
        }
        place.server.setFault(nil)
        #expect(try await place.client.refresh())
    }

    @Test("a sign-in whose refresh token a proxy drops does not mix two users' tokens")
    func mixed() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.once("/login", .stripped(["st-refresh-token"]))
        try await place.signIn("bob")
        #expect(try await place.me() == (200, "alice"))
    }

    @Test("a stolen session is told as theft, once, to everybody who listens")
    func theft() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let stream = place.client.states
        var states = stream.makeAsyncIterator()
        guard case .signedIn = await states.next() else { throw ClientError.misconfigured("not signed in") }
        place.expire()
        place.server.setFault { request, _ in nil }
        let token = try #require(try await place.tokens).refresh
        _ = await place.client.verdict(on: token, nil, at: place.clock.clock().wall)
        _ = try await place.store.update { kept in
            var next = kept
            next.tokens?.refresh = Secret("r.s1.7")
            return next
        }
        #expect(try await place.me().0 == 401)
        #expect(await states.next() == .signedOut(.theft))
    }

    @Test("CL14: no error, record or state shows a token")
    func secrets() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let (session, tokens) = (try await place.store.read(), try #require(try await place.tokens))
        for text in ["\(session)", "\(tokens)", String(reflecting: session), String(reflecting: tokens)] {
            #expect(!text.contains(tokens.refresh.text) && !text.contains(tokens.access.text))
        }
    }

    @Test(
        "what is no origin is refused with what to do",
        arguments: [
            "api.example.com", "https://", "https://a@b", "https://a/b", "ftp://a", "http://example.com", "https://a:0",
            "https://a:99999", "https://[::1", "https://a b", "",
        ])
    func origins(_ text: String) {
        #expect(throws: ClientError.self) { try ClientConfiguration(api: text) }
    }

    @Test(
        "origins that are taken",
        arguments: ["https://a", "https://a/", "http://localhost:4000", "http://[::1]:1", "https://A:443"])
    func goodOrigins(_ text: String) throws {
        #expect(try !ClientConfiguration(api: text).origin.description.isEmpty)
    }
}
