import HTTPTypes
import LosslessJSON
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

@Suite("The cases of native clients (L1 to L17, S1 to S18)")
struct NativeCaseTests {
    @Test("L1, CL21: a thousand tasks with an expired token make one refresh, and all succeed")
    func single() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        let good = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<1_000 { group.addTask { try await place.me() == (200, "alice") } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(good == 1_000 && place.server.record.refreshes == 1)
    }

    @Test("L2, L3, S18: two clients of two stores in one process know nothing of each other")
    func apart() async throws {
        let place = try ClientPlace()
        let other = try ClientPlace.client(place.server, MemoryStore(), place.clock.clock())
        try await place.signIn()
        #expect(try await place.me().0 == 200)
        #expect(try await place.me(other).0 == 401)
        #expect(try await other.state == .signedOut(.none))
    }

    @Test("L4: a request to another origin is sent as it is, and its response says nothing of the session")
    func elsewhere() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        for authority in ["example.com", "api.example.com:8443", "api.example.com.evil.example"] {
            var request = ClientPlace.request(.get, "/me", authority: authority)
            request.headerFields[.authorization] = "Bearer of-another"
            _ = try await place.client.data(for: request)
            #expect(place.server.record.foreign.last == request)
        }
    }

    @Test("L7: fields of a response in any case")
    func fieldNames() {
        var fields = HTTPFields()
        for (name, value) in [("Front-Token", "f"), ("ST-ACCESS-TOKEN", "a"), ("st-Refresh-token", "r")] {
            HTTPField.Name(name).map { fields[$0] = value }
        }
        let found = SessionFields(fields)
        #expect(found.access?.text == "a" && found.refresh?.text == "r" && found.front == "f")
    }

    @Test("L8, L9, S5: the caller's own token of this session is replaced, fresh or not; another one's is left")
    func authorization() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let old = try #require(try await place.tokens).access.text
        place.expire()
        try await place.client.refresh()
        var request = ClientPlace.request(.get, "/me")
        for scheme in ["Bearer ", "bearer "] {
            request.headerFields[.authorization] = scheme + old
            #expect(try await place.client.data(for: request).0.status == .ok)
        }
        request.headerFields[.authorization] = "Basic YTpi"
        #expect(try await place.client.data(for: request).0.status == .unauthorized)
        #expect(place.server.record.requests.last?.headerFields[.authorization] == "Basic YTpi")
        #expect(place.server.record.refreshes == 1)
    }

    @Test("L10, CL02: a front token that is removed removes the others, also where a proxy drops empty fields")
    func removal() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        _ = try await place.client.data(for: ClientPlace.request(.post, "/auth/signout"))
        #expect(try await place.tokens == nil)
        #expect(try await place.client.state == .signedOut(.ended))
    }

    @Test("L11: as many refreshes for one call as are configured", arguments: [0, 1, 10])
    func attempts(_ count: Int) async throws {
        let place = try ClientPlace(life: .seconds(0)) { $0.refreshesPerCall = count }
        try await place.signIn()
        let before = place.server.record.attempts.count
        #expect(try await place.me().0 == 401)
        // A token that is born dead is due before the call too.
        #expect(place.server.record.attempts.count - before == (count == 0 ? 0 : count + 1))
    }

    @Test("L12: fields of the application reach the server with a refresh")
    func ownFields() async throws {
        let place = try ClientPlace { $0.refreshFields[.userAgent] = "notes/1" }
        try await place.signIn()
        try await place.client.refresh()
        let request = try #require(place.server.record.requests.last)
        #expect(request.path == ClientPlace.refreshPath && request.headerFields[.userAgent] == "notes/1")
        #expect(request.headerFields[SessionFields.recipeName] == "session")
        #expect(request.headerFields[SessionFields.versionName] != nil && request.method == .post)
    }

    @Test("L13, S6, S12: who signs out of a session that has ended is told, and a call gets its 401")
    func endedElsewhere() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.server.endAll()
        #expect(try await place.client.signOut() == .confirmed)
        #expect(try await place.client.signOut() == .noSession)
        try await place.signIn("bob")
        place.server.endAll()
        #expect(try await place.me().0 == 401)
        #expect(try await place.client.state == .signedOut(.ended))
    }

    @Test("L14, S5: what is sent again carries the newest token")
    func newest() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.once("/me", .status(401))
        #expect(try await place.me().0 == 200)
        let sent = place.server.record.requests.last?.headerFields[.authorization]
        #expect(try await place.tokens.map { "Bearer \($0.access.text)" } == sent)
    }

    @Test("L15, S2: two processes on one folder refresh once, and each knows what the other did")
    func processes() async throws {
        let folder = try TestFolder()
        let place = try ClientPlace(store: try FileStore(folder: folder.path))
        let other = try ClientPlace.client(place.server, try FileStore(folder: folder.path), place.clock.clock())
        try await place.signIn()
        place.expire()
        async let first = place.me()
        async let second = place.me(other)
        #expect(try await (first.0, second.0) == (200, 200))
        #expect(place.server.record.refreshes == 1)
        try await other.signOut()
        #expect(try await place.client.state == .signedOut(.user))
    }

    @Test(
        "L16, S13: a malformed front token is a session that is not there, and no trap",
        arguments: ["", "x", "remove ", "e30=", "eyJ1aWQiOjF9", String(repeating: "A", count: 9_999)])
    func malformed(_ text: String) {
        #expect(FrontToken(text) == nil)
    }

    @Test("L17, S8: whoever is cancelled during a refresh stops to wait; the others get its result")
    func cancelled() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        let held = Mutex<Task<(Int, String), any Error>?>(nil)
        // While the refresh is under way, and both wait for it.
        place.server.setMeanwhile { request in
            guard request.path == ClientPlace.refreshPath else { return }
            while await place.client.waiters.count < 2 { await Task.yield() }
            held.withLock { $0 }?.cancel()
            while await place.client.waiters.count > 1 { await Task.yield() }
        }
        let waiting = Task { try await place.me() }
        held.withLock { $0 = waiting }
        let other = Task { try await place.me() }
        let result = await waiting.result
        #expect(throws: CancellationError.self) { _ = try result.get() }
        #expect(try await other.value == (200, "alice"))
        #expect(place.server.record.refreshes == 1)
    }

    @Test("S3: a request under way while another refreshes is right with either token")
    func beside() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        async let refreshed = place.client.refresh()
        async let call = place.me()
        #expect(try await refreshed)
        #expect(try await call.0 == 200)
    }

    @Test("S10, CL27: a body is sent again whole, and one that cannot be is told")
    func bodies() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.once("/me", .status(401))
        let make: @Sendable () -> AsyncThrowingStream<[UInt8], any Error> = {
            AsyncThrowingStream { continuation in
                continuation.yield([1])
                continuation.finish()
            }
        }
        let request = ClientPlace.request(.post, "/me")
        #expect(try await place.client.data(for: request, body: .stream(make)).0.status == .ok)
        place.once("/me", .status(401))
        await #expect(throws: ClientError.bodyNotReplayable) {
            try await place.client.data(for: request, body: .once(make()))
        }
        #expect(try await place.tokens != nil)
    }

    @Test("S11, S17: a refresh that answers 500 without fields changes nothing and tells nothing")
    func failing() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.expire()
        place.always(ClientPlace.refreshPath, .status(500))
        await #expect(throws: ClientError.self) { try await place.me() }
        #expect(try await place.client.state == .signedIn(SignedInSession(userID: "alice", claims: place.claims())))
    }

    @Test("S15: a session needs its refresh token only")
    func accessLost() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        _ = try await place.store.update { kept in
            var next = kept
            next.tokens?.access = Secret("")
            next.tokens?.lifetime = 0
            return next
        }
        #expect(try await place.me() == (200, "alice"))
    }
}

extension ClientPlace {
    /// The claims that are kept.
    func claims() async throws -> JSONObject { try #require(try await tokens.flatMap { FrontToken($0.front) }).payload }
}
