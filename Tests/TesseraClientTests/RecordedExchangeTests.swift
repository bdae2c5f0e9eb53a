import Foundations
import HTTPTypes
import LosslessJSON
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

/// A conversation as it was recorded: each request has to be the recorded one, and gets the recorded answer.
private final class RecordedConversation: ClientTransport {
    struct Exchange: Sendable {
        var request: String
        /// Fields that have to have these values; `nil` for those that must not be sent.
        var fields: [String: String?] = [:]
        var status = 200
        var answer: [String: String] = [:]
        var body = "{}"
    }

    private let rest: Mutex<[Exchange]>
    /// What differed.
    let differences = Mutex<[String]>([])

    init(_ exchanges: [Exchange]) { rest = Mutex(exchanges) }

    var isOver: Bool { rest.withLock { $0.isEmpty } }

    func send(
        _ request: HTTPRequest, body: RequestBody, timeout _: Duration
    ) async throws(TransportFailure) -> TransportReply {
        let next = rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        let line = "\(request.method) \(request.path ?? "")"
        guard let next, next.request == line else {
            differences.withLock { $0.append("\(line) instead of \(next?.request ?? "nothing")") }
            throw TransportFailure(.invalid, "not recorded")
        }
        let wanted = next.fields.merging(["cookie": nil, "anti-csrf": nil], uniquingKeysWith: { old, _ in old })
        for (name, value) in wanted {
            let sent = HTTPField.Name(name).flatMap { request.headerFields[$0] }
            if sent != value { differences.withLock { $0.append("\(line): \(name): \(sent ?? "none")") } }
        }
        var head = HTTPResponse(status: .init(code: next.status))
        for (name, value) in next.answer { HTTPField.Name(name).map { head.headerFields[$0] = value } }
        return TransportReply(head: head, bytes: Array(next.body.utf8))
    }
}

@Suite("Recorded exchanges of SuperTokens' backends in header mode (docs/specification/sdk.md 2.8, 2.10)")
struct RecordedExchangeTests {
    private typealias Exchange = RecordedConversation.Exchange
    private static let versions = "1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2"

    /// The fields that bring tokens; `ate` is a time of the server, an hour after `iat`.
    private static func tokens(_ number: Int) -> [String: String] {
        let payload: JSONObject = [
            "sub": "alice", "iat": 1_764_282_000, "exp": 1_764_285_600, "sessionHandle": "0b6f", "n": .integer(number),
        ]
        let front: JSONObject = ["uid": "alice", "ate": 1_764_285_600_000, "up": .object(payload)]
        return [
            "front-token": Base64.standard.encodedText(front.serialized()), "st-access-token": "access.\(number).x",
            "st-refresh-token": "refresh\(number)",
            "access-control-expose-headers": "front-token, st-access-token, st-refresh-token",
        ]
    }

    private static func refresh(_ number: Int) -> [String: String?] {
        [
            "authorization": "Bearer refresh\(number)", "rid": "session", "fdi-version": versions,
            "st-auth-mode": "header", "content-type": nil,
        ]
    }

    private static let login = Exchange(
        request: "POST /login", fields: ["st-auth-mode": "header", "rid": "anti-csrf", "authorization": nil],
        answer: tokens(1))
    private static let expired = Exchange(
        request: "GET /me",
        fields: ["authorization": "Bearer access.1.x", "st-auth-mode": "header", "rid": "anti-csrf"],
        status: 401, body: #"{"message":"try refresh token"}"#)
    private static let removal = ["front-token": "remove", "st-access-token": "", "st-refresh-token": ""]

    private static func play(
        _ exchanges: [Exchange], _ body: (SessionClient) async throws -> Void
    ) async throws {
        let conversation = RecordedConversation(exchanges)
        let clock = TestClock(seed: 1)
        let client = SessionClient(
            try ClientConfiguration(api: "https://api.example.com"), store: MemoryStore(), transport: conversation,
            clock: clock.clock())
        try await body(client)
        #expect(conversation.differences.withLock { $0 } == [] && conversation.isOver)
    }

    @Test("Sign-in, an expired token, a refresh, the call again, and a sign-out at a backend without session/revoke")
    func life() async throws {
        let again = Exchange(request: "GET /me", fields: ["authorization": "Bearer access.2.x"], body: "alice")
        let revoke = Exchange(
            request: "POST /auth/session/revoke", fields: ["authorization": "Bearer refresh2"], status: 404, body: "")
        let signOut = Exchange(
            request: "POST /auth/signout",
            fields: ["authorization": "Bearer access.2.x", "rid": "session", "fdi-version": Self.versions],
            answer: Self.removal, body: #"{"status":"OK"}"#)
        let refresh = Exchange(
            request: "POST /auth/session/refresh", fields: Self.refresh(1), answer: Self.tokens(2))
        try await Self.play([Self.login, Self.expired, refresh, again, revoke, signOut]) { client in
            _ = try await client.data(for: ClientPlace.request(.post, "/login"))
            let (head, bytes) = try await client.data(for: ClientPlace.request(.get, "/me"))
            #expect(head.status == .ok && String(decoding: bytes, as: UTF8.self) == "alice")
            #expect(try await client.signOut() == .confirmed)
        }
    }

    @Test(
        "The verdicts of a refresh end the session, with empty fields or where a proxy has dropped those",
        arguments: ["unauthorised", "token theft detected"], [true, false])
    func verdicts(message: String, hasEmptyFields: Bool) async throws {
        let answer = hasEmptyFields ? Self.removal : ["front-token": "remove"]
        let refused = Exchange(
            request: "POST /auth/session/refresh", fields: Self.refresh(1), status: 401, answer: answer,
            body: "{\"message\":\"\(message)\"}")
        try await Self.play([Self.login, Self.expired, refused]) { client in
            _ = try await client.data(for: ClientPlace.request(.post, "/login"))
            let (head, _) = try await client.data(for: ClientPlace.request(.get, "/me"))
            #expect(head.status == .unauthorized)
            #expect(try await client.state == .signedOut(message == "unauthorised" ? .ended : .theft))
        }
    }
}
