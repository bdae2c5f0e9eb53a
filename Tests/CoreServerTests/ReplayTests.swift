import CoreServer
import SessionEngine
import SessionService
import Testing

/// Conversations with real cores, repeated against this one over a socket.
struct ReplayTests {
    /// The call of the command line, which names no version.
    static let configurationStatus = Replay.Difference(
        reason: "who asks for the configuration without naming a version is told in today's words"
    ) {
        $0.request.path == "/config" && $0.status == 200 && $0.request.version == nil
    } expects: {
        $0.body == "{\"status\":\"NOT_ALLOWED\"}\n"
    }

    /// The version suffix is the only part of a refresh token that nothing authenticates.
    static let versionSuffix = Replay.Difference(
        reason: "a refresh token under another version suffix is no token, and no theft (finding R3)"
    ) { exchange in
        exchange.request.path.hasSuffix("/refresh") && exchange.body.contains("TOKEN_THEFT_DETECTED")
            && [".V0\"", ".V1\"", ".v2\""].contains {
                String(decoding: exchange.request.body, as: UTF8.self).contains($0)
            }
    } expects: {
        $0.status == 200 && $0.body.contains("\"status\":\"UNAUTHORISED\"")
            && $0.body.contains("version of refresh token not recognised")
    }

    /// Where Tessera answers otherwise than core 2.5.2, and why (docs/specification/core.md 1.0 and 10).
    static let differencesFromCore2: [Replay.Difference] = [
        configurationStatus, versionSuffix,
        .init(
            reason: "TRACE is a method like any other that a path lacks: 405 in the core's words, not the container's"
        ) {
            $0.request.method == "TRACE"
        } expects: {
            $0.status == 405 && $0.body == "Method not supported\n"
        },
        .init(reason: "PATCH likewise; the container answered 501 with an error page") {
            $0.request.method == "PATCH"
        } expects: {
            $0.status == 405 && $0.body == "Method not supported\n"
        },
        .init(reason: "only standard JSON is read; the lenient reader of the old cores is an ambiguity (11.2)") {
            $0.request.body.starts(with: "{userId".utf8) || $0.request.body.starts(with: "{\"userId\": u".utf8)
        } expects: {
            $0.status == 400 && $0.body == "Invalid Json Input\n"
        },
        .init(reason: "a refresh token that is not base64 is a refusal, not a failure of the core (11.2)") {
            $0.request.path == "/session/refresh" && $0.status == 500
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"UNAUTHORISED\",\"message\":\"java.lang.Ill")
        },
        .init(reason: "regenerating a token that is none is a refusal, not a failure of the core (11.2)") {
            $0.request.path == "/session/regenerate" && $0.status == 500
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"UNAUTHORISED\"")
        },
    ]

    @Test("the conversation of core 2.5.2 agrees, exchange by exchange")
    func core2() async throws {
        let recording = try Recording("tr-2.5.2")
        #expect(recording.exchanges.count == 356)
        let policy = SessionPolicy(signingKeyUpdateInterval: .seconds(24 * 3_600)).likeSuperTokens
        try await Core.run(.live, policy: policy) { core in
            var replay = Replay(differences: Self.differencesFromCore2, keepsNullMembers: true)
            try await replay.run(recording.exchanges) { try await core.send($0) }
            #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
            #expect(replay.used.count == Self.differencesFromCore2.count, "an intended difference is no longer one")
        }
    }

    @Test("the conversation of core 2.5.2 with anti-CSRF, blacklisting and an API key agrees")
    func core2AntiCSRF() async throws {
        let recording = try Recording("tr-2.5.2-csrf")
        let earlier = Replay.Difference(
            reason: "before CDI 2.3 a driver cannot send the anti-CSRF token with a refresh (11.2)"
        ) {
            $0.request.path == "/session/refresh" && $0.request.version == "2.2"
        } expects: {
            $0.status == 200 && $0.body.contains("\"status\":\"OK\"")
        }
        var settings = CoreSettings()
        settings.apiKeys = ["ABCDEFGHIJKLMNOPQRSTUV"]
        settings.usesAntiCSRF = true
        settings.checksDatabase = true
        let policy = SessionPolicy(signingKeyUpdateInterval: .seconds(24 * 3_600)).likeSuperTokens
        try await Core.run(.live, settings: settings, policy: policy) { core in
            var replay = Replay(differences: [earlier, Self.configurationStatus])
            try await replay.run(recording.exchanges) { try await core.send($0) }
            #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
            #expect(replay.used == [earlier.reason, Self.configurationStatus.reason])
        }
    }

    /// Where Tessera answers otherwise than core 11.1.3 at CDI 5.0 and 5.3, and why.
    static let differencesFromCore11: [Replay.Difference] = [
        .init(reason: "an access token that cannot be read is a refusal, not a failure of the core (11.2)") {
            $0.status == 500 && $0.request.path == "/recipe/session/verify"
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"TRY_REFRESH_TOKEN\"")
        },
        .init(reason: "regenerating a token that is none is a refusal, not a failure of the core (11.2)") {
            $0.status == 500 && $0.request.path == "/recipe/session/regenerate"
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"UNAUTHORISED\"")
        },
        .init(reason: "TRACE and PATCH are methods like any other that a path lacks") {
            ["TRACE", "PATCH"].contains($0.request.method)
        } expects: {
            $0.status == 405 && $0.body == "Method not supported\n"
        },
        .init(reason: "a handle that was named twice is reported once (11.2)") { exchange in
            exchange.request.path == "/recipe/session/remove" && exchange.status == 200
                && exchange.body.split(separator: "\"").count > 10
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"OK\",\"sessionHandlesRevoked\":[\"")
        },
    ]

    /// Requests that name no version mean the newest to today's core, which is not the newest of the recorded one.
    static func named(_ version: String, _ exchanges: [Exchange]) -> [Exchange] {
        exchanges.map { exchange in
            var exchange = exchange
            exchange.request.version = exchange.request.version ?? version
            return exchange
        }
    }

    /// An integer beyond 64 bits made the core fail; here it is carried (see `LosslessTests`), and the session with it.
    static func holdsLargeInteger(_ exchange: Exchange) -> Bool {
        exchange.status == 500 && exchange.request.path == "/recipe/session"
    }

    @Test("the conversation of core 11.1.3 agrees, exchange by exchange")
    func core11() async throws {
        let recording = try Recording("tr-11.1.3")
        #expect(recording.exchanges.count == 507)
        try await Core.run(.live, policy: SessionPolicy().likeSuperTokens) { core in
            var replay = Replay(differences: Self.differencesFromCore11)
            let exchanges = recording.exchanges.filter { !Self.holdsLargeInteger($0) }
            try await replay.run(Self.named("5.3", exchanges)) { try await core.send($0) }
            #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
            #expect(replay.used.count == Self.differencesFromCore11.count, "an intended difference is no longer one")
        }
    }

    @Test("the conversation of core 3.6.1 agrees, exchange by exchange")
    func core3() async throws {
        let recording = try Recording("tr-3.6.1")
        #expect(recording.exchanges.count == 341)
        try await Core.run(.live, policy: SessionPolicy().likeSuperTokens) { core in
            var replay = Replay(differences: Self.differencesFromCore3, keepsNullMembers: true)
            try await replay.run(Self.named("2.9", recording.exchanges)) { try await core.send($0) }
            #expect(replay.mismatches.isEmpty, "\(replay.mismatches.joined(separator: "\n"))")
            #expect(replay.used.count == Self.differencesFromCore3.count, "an intended difference is no longer one")
        }
    }

    /// Where Tessera answers otherwise than core 3.6.1, and why.
    static let differencesFromCore3: [Replay.Difference] = [
        .init(reason: "TRACE and PATCH are methods like any other that a path lacks") {
            ["TRACE", "PATCH"].contains($0.request.method)
        } expects: {
            $0.status == 405 && $0.body == "Method not supported\n"
        },
        .init(reason: "the root answers like /hello, as since core 4.0") {
            $0.request.path == "/"
        } expects: {
            $0.status == 200 || $0.status == 405
        },
        .init(reason: "the key set is public, as since core 5.0") {
            $0.request.path == "/.well-known/jwks.json"
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"keys\":[")
        },
        .init(reason: "paths of any case, with a slash at the end, an app or a tenant, as since core 6.0") {
            $0.status == 404 && $0.request.path.lowercased().contains("apiversion") && !$0.request.path.hasPrefix("/t1")
        } expects: {
            $0.status == 200 || $0.status == 400
        },
        .init(reason: "the key set lists dynamic keys as well, with names that tell the kind, as since core 5.0") {
            $0.request.path == "/recipe/jwt/jwks"
        } expects: {
            $0.status == 200 && $0.body.contains("\"kid\":\"d-") && $0.body.contains("\"kid\":\"s-")
        },
        .init(reason: "regenerating a token that is none is a refusal, not a failure of the core (11.2)") {
            $0.status == 500 && $0.request.path == "/recipe/session/regenerate"
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"UNAUTHORISED\"")
        },
        .init(reason: "a token that names its key is looked at at every version, as since core 5.0") {
            $0.request.path == "/recipe/session/verify"
                && $0.request.body.starts(with: "{\"accessToken\":\"eyJraWQ".utf8)
        } expects: {
            $0.status == 200 && $0.body.hasPrefix("{\"status\":\"TRY_REFRESH_TOKEN\"")
                && !$0.body.contains("JWT header mismatch")
        },
    ]
}
