import Foundations
import HTTPTypes
import LosslessJSON
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

@Suite("The cases of native clients, continued: what another client had wrong")
struct NativeDetailTests {
    @Test("L5, CL03, CL04: cookies and anti-csrf of a response are neither kept nor sent: sessions are in fields alone")
    func cookies() async throws {
        let place = try ClientPlace()
        let server = CookieServer(place.server)
        let client = try server.client(place)
        _ = try await client.data(for: ClientPlace.request(.post, "/login"), body: .bytes(Array("alice".utf8)))
        place.expire()
        #expect(try await place.me(client) == (200, "alice"))
        for fields in server.sent.withLock({ $0 }) {
            #expect(!fields.contains { ["cookie", "anti-csrf"].contains($0.name.canonicalName) })
        }
        let kept = String(decoding: try await place.store.read().bytes, as: UTF8.self)
        #expect(!kept.contains("sAccessToken") && !kept.contains("csrf-token"))
    }

    @Test("L6: a session whose tokens say nothing of themselves, as those of CDI 2.18, is refreshed")
    func oldTokens() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let object: JSONObject = ["uid": "alice", "ate": 0, "up": [:]]
        let front = Base64.standard.encodedText(object.serialized())
        _ = try await place.store.update { kept in
            var next = kept
            next.tokens?.front = front
            next.tokens?.access = Secret("old")
            next.tokens?.lifetime = 0
            return next
        }
        #expect(try await place.me() == (200, "alice") && place.server.record.refreshes == 1)
    }

    @Test("S4: who is informed of a state may call the client, also during its refresh")
    func callsFromEvents() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        let seen = Task { [client = place.client] in
            for await state in client.states {
                guard case .signedIn = state else { return false }
                _ = try await client.claims
                if try await place.me().0 == 200, place.server.record.refreshes == 1 { return true }
            }
            return false
        }
        place.duringRefresh { [client = place.client] in _ = try? await client.claims }
        place.expire()
        #expect(try await place.me() == (200, "alice"))
        #expect(try await seen.value)
    }

    @Test("S7: the head comes before the body, and nothing after a failure")
    func order() async throws {
        let place = try ClientPlace()
        try await place.signIn()
        place.always("/me", .cut(2))
        let reply = try await place.client.bytes(for: ClientPlace.request(.get, "/me"))
        #expect(reply.head.status == .ok)
        var (parts, failures) = ([[UInt8]](), 0)
        do { for try await part in reply.body { parts.append(part) } } catch { failures += 1 }
        #expect(parts == [Array("al".utf8)] && failures == 1)
    }

    @Test("S9: all requests go through the one transport of the application, with its time-outs")
    func transport() async throws {
        let place = try ClientPlace()
        let server = CookieServer(place.server)
        let client = try server.client(place)
        _ = try await client.data(
            for: ClientPlace.request(.post, "/login"), body: .bytes(Array("alice".utf8)), timeout: .seconds(3))
        place.expire()
        _ = try await client.data(for: ClientPlace.request(.get, "/me"), timeout: .seconds(5))
        #expect(server.timeouts.withLock { $0 } == [.seconds(3), .seconds(7), .seconds(5)])
    }

    @Test(
        "S14: a name that only looks like an address of this machine is another one",
        arguments: [
            "http://127.evil.example", "http://127.0.0.1.evil.example", "http://127x0x0x1", "http://127.0.0",
            "http://127.0.0.256", "http://127.0.0.1x", "http://1127.0.0.1", "http://127.0.0.-1",
        ])
    func localNames(_ text: String) {
        #expect(throws: ClientError.self) { try APIOrigin(text) }
    }

    @Test("S14: an address of this machine is, and a slash at the end is no part of it")
    func localAddresses() throws {
        for text in ["http://127.0.0.1:4000", "http://127.255.0.9", "http://localhost/", "http://[::1]:80"] {
            #expect(try APIOrigin(text).scheme == "http")
        }
        #expect(try APIOrigin("https://api.example.com/") == APIOrigin("https://api.example.com"))
    }

    @Test("S16: claims in another order are no other state")
    func claimsInAnotherOrder() throws {
        let one: JSONObject = ["a": 1, "b": ["c": [1, ["d": 2, "e": 3]], "f": nil]]
        let same: JSONObject = ["b": ["f": nil, "c": [1, ["e": 3, "d": 2]]], "a": 1]
        let others: [JSONObject] = [
            ["a": 1], ["a": 2, "b": ["c": [1, ["d": 2, "e": 3]], "f": nil]], [:],
            ["a": 1, "b": ["c": [["d": 2, "e": 3], 1], "f": nil]],
        ]
        func state(_ claims: JSONObject, _ user: String = "u") -> AuthenticationState {
            .signedIn(SignedInSession(userID: user, claims: claims))
        }
        #expect(state(one) == state(same))
        for other in others { #expect(state(one) != state(other)) }
        #expect(state(one) != state(one, "v"))
    }
}

/// A server whose responses have cookies and anti-csrf beside their own fields.
private final class CookieServer: ClientTransport {
    static let antiCSRF = HTTPField.Name("anti-csrf")
    private let server: ScriptedServer
    let sent = Mutex<[HTTPFields]>([])
    let timeouts = Mutex<[Duration]>([])

    init(_ server: ScriptedServer) { self.server = server }

    func send(
        _ request: HTTPRequest, body: RequestBody, timeout: Duration
    ) async throws(TransportFailure) -> TransportReply {
        sent.withLock { $0.append(request.headerFields) }
        timeouts.withLock { $0.append(timeout) }
        var reply = try await server.send(request, body: body, timeout: timeout)
        reply.head.headerFields[.setCookie] = "sAccessToken=cookie"
        if let name = Self.antiCSRF { reply.head.headerFields[name] = "csrf-token" }
        return reply
    }

    func client(_ place: ClientPlace) throws -> SessionClient {
        var configuration = try ClientConfiguration(api: "https://api.example.com")
        configuration.refreshTimeout = .seconds(7)
        return SessionClient(configuration, store: place.store, transport: self, clock: place.clock.clock())
    }
}
