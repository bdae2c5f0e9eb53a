import CoreServer
import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Security events on the wire (docs/events.md)")
struct EventsAPITests {
    private static let key = "the-key-of-the-application"
    private static let token = "the-token-of-the-receiver"
    private static let path = "/tessera/events/poll/audit"

    private struct Server {
        let core: Core
        let sessions: SessionManager

        func send(
            _ path: String, _ body: String = "{}", method: String = "POST", authorization: String? = nil,
            key: String? = nil
        ) async throws -> SeenReply {
            var request = CoreRequest(method: method, path: path, version: nil, apiKey: key)
            (request.authorization, request.body) = (authorization, Array(body.utf8))
            return try await core.send(request)
        }

        func poll(_ body: String) async throws -> JSONObject {
            let reply = try await send(EventsAPITests.path, body, authorization: "Bearer \(EventsAPITests.token)")
            #expect(reply.status == 200 && reply.headers["cache-control"] == "no-store", "\(reply)")
            return try #require(try JSONValue(parsing: reply.body).object)
        }
    }

    private static func server() async throws -> Server {
        let storage = InMemorySessionStorage()
        let now = ClockAndRandomness.system.time()
        let key = SigningKeyRecord(
            try TestKeys.signingKey(.rs256, id: "s-1", kind: .static, createdAt: now.milliseconds))
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
        let sessions = try await SessionManager(storage: storage, policy: SessionPolicy(signingAlgorithm: .es256))
        var settings = CoreSettings()
        (settings.apiKeys, settings.verifierKeys) = ([Self.key], ["the-key-of-a-verifier-only"])
        let name = try #require(EventStreamName("audit"))
        let stream = EventStream(
            name: name, method: .poll, parties: EventToken.Parties(issuer: "https://i", audience: "https://a"),
            authorization: token)
        try await sessions.registerStreams([name])
        let api = CoreAPI(
            service: sessions, settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).answering(EventPolls(EventFigures(of: [stream])))
        return Server(core: Core(depth: .value, api: api, port: 0), sessions: sessions)
    }

    @Test("RFC 8936: a receiver gets its SETs by its token alone, acknowledges them, and is done")
    func poll() async throws {
        let server = try await Self.server()
        let body = #"{"userId":"u","credentialType":"password","changeType":"update"}"#
        let noted = try await server.send("/tessera/events/credential-change", body, key: Self.key)
        #expect(noted.status == 200 && noted.body.contains("OK"))
        let answer = try await server.poll(#"{"returnImmediately":true}"#)
        #expect(answer.names == ["sets", "moreAvailable"] && answer["moreAvailable"] == false)
        let set = try #require(answer["sets"]?.object?.members.first)
        let parts = try #require(set.value.string).split(separator: ".")
        let claims = try #require(try JSONValue(parsing: try WireText.decode(parts[1])).object)
        #expect(claims["jti"] == .string(set.name) && claims["iss"] == "https://i" && claims["sub"] == nil)
        #expect(claims["events"]?.object?.names == [SecurityEvent.Kind.credentialChange.uri])
        let done = try await server.poll(#"{"ack":["\#(set.name)"],"returnImmediately":true}"#)
        #expect(done == ["sets": [:], "moreAvailable": false])
    }

    @Test("who shows no token of the stream learns nothing, not even whether it exists")
    func strangers() async throws {
        let server = try await Self.server()
        for authorization in [nil, "Bearer x", "Bearer ", "Basic \(Self.token)", Self.token, "Bearer \(Self.key)"] {
            for path in [Self.path, "/tessera/events/poll/none", "/appid-b/tessera/events/poll/audit"] {
                let reply = try await server.send(path, authorization: authorization, key: Self.key)
                #expect(reply.status == 401 && reply.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
                #expect(reply.body.contains("\"err\":\"authentication_failed\""))
            }
        }
        let authorization = "Bearer \(Self.token)"
        #expect(try await server.send(Self.path, method: "GET", authorization: authorization).status == 405)
        for path in ["/tessera/events/poll", "/tessera/events/poll/audit/x", "/tessera/events"] {
            #expect(try await server.send(path, authorization: authorization, key: Self.key).status == 404)
        }
        // The token of a receiver is no API key.
        for path in ["/tessera/audit", "/tessera/events/credential-change", "/recipe/session"] {
            #expect(try await server.send(path, authorization: authorization).status == 401)
        }
    }

    @Test(
        "a request that is none is refused as RFC 8936 says",
        arguments: ["", "[]", #"{"ack":1}"#, #"{"maxEvents":-1}"#])
    func badRequests(body: String) async throws {
        let reply = try await Self.server().send(Self.path, body, authorization: "bearer \(Self.token)")
        #expect(reply.status == 400 && reply.body.contains("\"err\":\"invalid_request\""))
        #expect(reply.contentType?.hasPrefix("application/json") == true)
    }

    @Test("a credential change needs a full key, its members, and no more than they may have")
    func credentialChange() async throws {
        let server = try await Self.server()
        let path = "/tessera/events/credential-change"
        let good = #"{"userId":"u","credentialType":"pin","changeType":"create","friendlyName":"f","fido2Aaguid":"a"}"#
        #expect(try await server.send(path, good, key: Self.key).status == 200)
        #expect(try await server.send(path, good, key: "the-key-of-a-verifier-only").status == 401)
        #expect(try await server.send(path, good).status == 401)
        let long = String(repeating: "x", count: 257)
        for bad in [
            "{}", #"{"userId":"u"}"#, #"{"userId":"u","credentialType":"","changeType":"create"}"#,
            #"{"userId":"u","credentialType":"pin","changeType":"made"}"#,
            #"{"userId":"u","credentialType":"\#(long)","changeType":"create"}"#,
            #"{"userId":"u","credentialType":"pin","changeType":"create","friendlyName":7}"#,
            #"{"userId":"","credentialType":"pin","changeType":"create"}"#,
        ] {
            #expect(try await server.send(path, bad, key: Self.key).status == 400, "\(bad)")
        }
        let events = try await server.sessions.auditEvents(AuditQuery(name: .credentialChanged))
        #expect(events.count == 1 && events[0].event.actor == .driver)
        #expect(events[0].event.details.names == ["credential_type", "change_type", "friendly_name", "fido2_aaguid"])
    }

    @Test(
        "a SET and a logout token are no access tokens", arguments: [EventToken.setType, EventToken.logoutType, "JWT"])
    func confusion(type: String) async throws {
        let server = try await Self.server()
        let key = try TestKeys.signingKey(.rs256, id: "s-1", kind: .static)
        let now = ClockAndRandomness.system.time()
        let entry = AuditEvent.revoked(
            SessionHandle("0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11"), tenant: .public, user: UserID("u"),
            Revocation(by: .user, .handle, at: now))
        let event = try #require(SecurityEvent(entry))
        let id = SecurityEventID(of: entry, 1, for: "audit", in: .public)
        let parties = EventToken.Parties(issuer: "https://i", audience: "https://a")
        let claims =
            type == EventToken.logoutType
            ? EventToken.logoutClaims(of: event, id, parties, at: now)
            : EventToken.claims(of: event, id, parties, issuedAt: now)
        let token = try EventToken.sign(try #require(claims), as: type, with: key)
        let body: JSONObject = [
            "accessToken": .string(token), "doAntiCsrfCheck": false, "enableAntiCsrf": false, "checkDatabase": false,
        ]
        var request = CoreRequest(method: "POST", path: "/recipe/session/verify", version: "5.4", apiKey: Self.key)
        request.body = Array(body.text.utf8)
        let reply = try await server.core.send(request)
        #expect(reply.status == 200 && reply.body.hasPrefix("{\"status\":\"TRY_REFRESH_TOKEN\""), "\(reply.body)")
    }
}
