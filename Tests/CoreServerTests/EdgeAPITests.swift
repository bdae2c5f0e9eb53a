import EdgeVerdicts
import Foundations
import LosslessJSON
import OperatorMetrics
import RevocationFeed
import SessionEngine
import TestSupport
import Testing

@testable import CoreServer

@Suite("The sidecar's interface, bytes in and bytes out (docs/verify.md)")
struct EdgeAPITests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)
    private static let key = "the-key-of-the-sidecar"

    /// An interface whose feed is fresh, with a token of the user `u1`.
    private static func api(key: String? = key, host: String = "127.0.0.1") async throws -> (EdgeAPI, token: String) {
        let signing = try TestKeys.signingKey(.es256)
        let body: JSONObject = ["keys": [.object(try signing.verificationKey.jwk())]]
        let keys = KeySetCache(
            staleness: .hours(1),
            .init(
                fetch: { time in
                    KeySet(parsing: body.serialized(), maxAgeSeconds: nil, longest: .hours(1), fetchedAt: time)
                        .map { .success($0) } ?? .failure(KeySetUnavailable("none"))
                }, time: { now }, wait: { _ in }))
        _ = try await keys.current()
        let feed = FeedVerifier(policy: FeedPolicy(), steady: { MonotonicTime(nanoseconds: 0) }, time: { now })
        let page = FeedPage(stream: "s", isReset: true, age: Milliseconds(0), next: "n")
        _ = try feed.take(page, askedAt: MonotonicTime(nanoseconds: 0))
        let clock = ClockAndRandomness(time: { now }, randomBits: { 7 })
        let verifier = EdgeVerifier(.init(), keys: keys, feed: feed, clock: clock, ask: { _ in .failed })
        let hash = TokenHash(of: RefreshToken("R0"))
        let claims = AccessTokenClaims(
            format: .v5, handle: SessionHandle("h1"), userID: UserID("u1"), recipeUserID: UserID("u1"),
            tenantID: .public, refreshTokenHash: hash, parentRefreshTokenHash: nil, antiCSRFToken: nil,
            issuedAt: now, expiresAt: now + .hours(1), userData: JSONObjectText([:]))
        let api = EdgeAPI(
            verifier, apiKey: key, host: host, registry: MetricRegistry(), clock: clock, logger: Wire.logger,
            introspectElsewhere: { _ in .none })
        return (api, try AccessToken(signing: claims, with: signing).exposed)
    }

    private static func sent(_ wire: Wire, _ line: String, _ fields: [String] = [], body: String = "") throws -> String
    {
        let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
        let head = ["\(line) HTTP/1.1", "Host: localhost"] + fields + length
        wire.receive(head.joined(separator: "\r\n") + "\r\n\r\n" + body)
        return try wire.sent()
    }

    @Test("a yes is 204 without content, on a connection that stays open")
    func yes() async throws {
        let (api, token) = try await Self.api()
        let wire = try Wire(api)
        for _ in 0..<3 {
            let reply = try Self.sent(wire, "GET /tessera/authorize", ["Authorization: Bearer \(token)"])
            #expect(reply.hasPrefix("HTTP/1.1 204 No Content\r\n") && reply.hasSuffix("\r\n\r\n"))
            #expect(reply.contains("\r\nTessera-User-Id: u1\r\nTessera-Session: h1\r\nTessera-Tenant: public\r\n"))
            #expect(reply.contains("\r\nCache-Control: no-store\r\n"))
            #expect(!reply.contains("Content-Length") && !reply.contains("Content-Type:"))
        }
        let own = try Self.sent(wire, "PUT /tessera/ext-authz/any/x?level=aal3", ["Authorization: Bearer \(token)"])
        #expect(own.hasPrefix("HTTP/1.1 200 OK\r\n") && own.contains("\r\nContent-Length: 0\r\n"))
    }

    @Test("two tokens are a verdict, as one field and as two")
    func contradictory() async throws {
        let (api, token) = try await Self.api()
        let wire = try Wire(api)
        let twice = try Self.sent(
            wire, "GET /tessera/authorize", ["Authorization: Bearer \(token)", "authorization: Bearer x"])
        #expect(twice.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(twice.contains("\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n"))
        let same = Array(repeating: "Authorization: Bearer \(token)", count: 2)
        #expect(try Self.sent(wire, "GET /tessera/authorize", same).hasPrefix("HTTP/1.1 204"))
    }

    /// What needs the key, and what is there at all.
    static let routes: [(line: String, fields: [String], body: String, status: String)] = [
        ("POST /tessera/oauth/introspect", [], "token=a", "401"),
        ("POST /tessera/oauth/introspect", ["api-key: wrong"], "token=a", "401"),
        ("POST /tessera/oauth/introspect", ["api-key: \(key)"], "token=a", "503"),
        ("POST /tessera/oauth/introspect", ["Authorization: Bearer \(key)"], "token=a", "503"),
        ("POST /tessera/oauth/introspect", ["api-key: \(key)"], "token=a&token=b", "400"),
        ("GET /tessera/oauth/introspect", ["api-key: \(key)"], "", "405"),
        ("GET /health", [], "", "200"), ("GET /health", ["Origin: https://evil.example"], "", "403"),
        ("POST /health", [], "", "405"), ("GET /", [], "", "404"), ("GET /tessera/authorize/", [], "", "404"),
        ("GET /tessera/ext-authz/", [], "", "404"), ("GET /tessera/ext-authz/%zz/", [], "", "404"),
        ("GET /tessera/feed", ["api-key: \(key)"], "", "404"),
    ]

    @Test("what needs a key, what web pages do not get, and what is not there", arguments: routes)
    func table(line: String, fields: [String], body: String, status: String) async throws {
        let reply = await Self.respond(try await Self.api().0, line, fields, body)
        #expect("\(reply.status)" == status)
    }

    @Test("without a key introspection answers only names of this machine, and no page")
    func noKey() async throws {
        let (api, token) = try await Self.api(key: nil)
        let line = "POST /tessera/oauth/introspect"
        #expect(await Self.respond(api, line, [], "token=\(token)").status == 200)
        #expect(await Self.respond(api, line, ["Origin: https://evil.example"], "token=\(token)").status == 403)
        #expect(await Self.respond(api, line, [], "token=\(token)", host: "evil.example").status == 403)
    }

    /// The answer to a request, without a connection.
    private static func respond(
        _ api: EdgeAPI, _ line: String, _ fields: [String], _ body: String, host: String = "localhost"
    ) async -> CoreReply {
        let words = line.split(separator: " ").map(String.init)
        var request = CoreRequest(method: words[0], path: words[1])
        request.host = host
        for field in fields {
            let parts = field.split(separator: ":", maxSplits: 1).map { $0.trimmed { $0 == " " } }
            switch parts[0].lowercased() {
            case "api-key": request.apiKey = String(parts[1])
            case "authorization": request.authorization = String(parts[1])
            default: request.origin = String(parts[1])
            }
        }
        switch await api.admissionAfterLookup(of: request) {
        case .refused(let reply), .keyRefused(let reply): return reply
        case .admitted(let admitted):
            switch api.perform(admitted, body: Array(body.utf8)) {
            case .reply(let reply): return reply
            case .waiting(let answer): return await answer()
            }
        }
    }
}
