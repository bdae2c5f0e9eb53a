import CoreDriverInterface
import CoreServer
import Foundations
import LosslessJSON
import RevocationFeed
import SessionEngine
import TestSupport
import Testing

@Suite("The feed of ended sessions on the wire (docs/feed.md)")
struct FeedAPITests {
    private static let key = "the-key-of-the-application"
    private static let verifierKey = "the-key-of-a-verifier-only"

    private static var settings: CoreSettings {
        var settings = CoreSettings()
        (settings.apiKeys, settings.verifierKeys) = ([key], [verifierKey])
        return settings
    }

    private static func send(
        _ core: Core, _ method: String, _ path: String, query: String? = nil, body: JSONObject? = nil,
        key: String? = FeedAPITests.key, accept: String? = nil, lastEventID: String? = nil
    ) async throws -> SeenReply {
        var request = CoreRequest(method: method, path: path, query: query, version: "5.4", apiKey: key)
        (request.accept, request.lastEventID) = (accept, lastEventID)
        request.body = body.map { Array($0.text.utf8) } ?? []
        return try await core.send(request)
    }

    private static func object(_ reply: SeenReply) throws -> JSONObject {
        try #require(try JSONValue(parsing: reply.body).object, "\(reply.status) \(reply.body)")
    }

    private static func create(_ core: Core, user: String = "u") async throws -> (handle: String, token: String) {
        let body: JSONObject = [
            "userId": .string(user), "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
            "useDynamicSigningKey": true,
        ]
        let reply = try object(try await send(core, "POST", "/recipe/session", body: body))
        return (
            try #require(reply["session"]?.object?["handle"]?.string),
            try #require(reply["accessToken"]?.object?["token"]?.string)
        )
    }

    private static func end(_ core: Core, _ body: JSONObject) async throws {
        _ = try object(try await send(core, "POST", "/recipe/session/remove", body: body))
    }

    private static func feed(_ core: Core, _ query: String? = nil) async throws -> JSONObject {
        try object(try await send(core, "GET", "/tessera/feed", query: query, key: verifierKey))
    }

    private static func values(_ feed: JSONObject) -> [String] {
        (feed["entries"]?.array ?? []).compactMap(\.object).map { entry in
            "\(entry["k"]?.string ?? "") \(entry["v"]?.string ?? "")"
        }
    }

    @Test("An end is in the feed as a digest, and no name is", arguments: Depth.allCases)
    func end(depth: Depth) async throws {
        try await Core.run(depth, settings: Self.settings) { core in
            let first = try await Self.feed(core)
            #expect(first["reset"] == .bool(true) && first["more"] == .bool(false) && first["entries"] == [])
            let next = try #require(first["next"]?.string)
            let session = try await Self.create(core)
            async let waiting = Self.feed(core, "after=\(next)&wait=30")
            try await Self.end(core, ["sessionHandles": [.string(session.handle)]])
            let news = try await waiting
            let digest = RevocationDigest(of: session.handle).text
            #expect(Self.values(news) == ["s \(digest)"] && news["reset"] == .bool(false), "\(news)")
            let entry = try #require(news["entries"]?.array?.first?.object)
            #expect((entry["u"]?.number?.int64 ?? 0) > (entry["t"]?.number?.int64 ?? 0))
            #expect(!"\(news)".contains(session.handle) && (news["age"]?.number?.int64 ?? -1) >= 0)
        }
    }

    @Test("The digest is that of the specification (3.4)")
    func vector() {
        // SHA-256 of the handle's text, the first 16 bytes.
        let bytes = Hex.encode(RevocationDigest(of: "0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11").bytes)
        #expect(bytes == "a8cad17599133cd97641eee20066ec60")
        #expect(
            RevocationDigest(bytes: Hex.decode(bytes) ?? [])
                == RevocationDigest(of: "0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11"))
    }

    @Test("An event source gets the same as events, and continues with the id of the last", arguments: Depth.allCases)
    func events(depth: Depth) async throws {
        try await Core.run(depth, settings: Self.settings) { core in
            func events(_ id: String?) async throws -> SeenReply {
                try await Self.send(
                    core, "GET", "/tessera/feed", query: "wait=0", key: Self.verifierKey,
                    accept: "text/html;q=0.5, text/event-stream", lastEventID: id)
            }
            let first = try await events(nil)
            #expect(first.contentType == "text/event-stream" && first.headers["cache-control"] == "no-store")
            #expect(first.body.hasPrefix("retry: ") && first.body.contains("\n\nevent: reset\ndata: {"))
            let id = try #require(first.body.split(separator: "\n").first { $0.hasPrefix("id: ") }?.dropFirst(4))
            let session = try await Self.create(core)
            let after = try await Self.feed(core)
            try await Self.end(core, ["sessionHandles": [.string(session.handle)]])
            _ = try await Self.feed(core, "after=\(try #require(after["next"]?.string))&wait=30")
            let second = try await events(String(id))
            #expect(!second.body.contains("event: reset"))
            let line = "data: {\"k\":\"s\",\"v\":\"\(RevocationDigest(of: session.handle).text)\""
            #expect(second.body.contains(line), "\(second.body)")
        }
    }

    @Test("A key for verifying reads the feed and verifies, and nothing else")
    func scope() async throws {
        try await Core.run(.value, settings: Self.settings) { core in
            let session = try await Self.create(core)
            let verification: JSONObject = [
                "accessToken": .string(session.token), "enableAntiCsrf": false, "doAntiCsrfCheck": false,
                "checkDatabase": true,
            ]
            let verified = try await Self.send(
                core, "POST", "/recipe/session/verify", body: verification, key: Self.verifierKey)
            #expect(try Self.object(verified)["status"] == "OK")
            for (method, path) in [
                ("POST", "/recipe/session"), ("POST", "/recipe/session/remove"), ("POST", "/recipe/session/refresh"),
                ("GET", "/recipe/session"), ("GET", "/tessera/audit"), ("GET", "/tessera/sessions"),
                ("POST", "/recipe/jwt"), ("GET", "/recipe/multitenancy/app/list/v2"),
            ] {
                let refused = try await Self.send(core, method, path, body: [:], key: Self.verifierKey)
                #expect(refused.status == 401, "\(method) \(path): \(refused.status) \(refused.body)")
            }
            for key in [nil, "another-key-of-some-length"] {
                #expect(try await Self.send(core, "GET", "/tessera/feed", key: key).status == 401)
            }
            #expect(try await Self.send(core, "GET", "/tessera/feed").status == 200, "the application's own key")
        }
    }

    @Test(
        "A question that means nothing is refused",
        arguments: [
            "wait=31", "wait=-1", "wait=x", "until=1", "wait=1&wat=2", "wait=9999999999999999999999",
        ])
    func wrong(query: String) async throws {
        try await Core.run(.value, settings: Self.settings) { core in
            let reply = try await Self.send(core, "GET", "/tessera/feed", query: query)
            #expect(reply.status == 400, "\(reply.body)")
        }
    }
}
