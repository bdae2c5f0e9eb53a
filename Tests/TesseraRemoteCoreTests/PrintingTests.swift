import CoreServer
import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import TesseraInProcess
import TesseraTesting
import Testing

@testable import TesseraRemoteCore
@testable import TesseraSessions

@Suite("Nothing that holds a secret prints it")
struct PrintingTests {
    /// All that printing, dumping and reflection show of a value.
    private static func shown(_ value: Any) -> String {
        var text = "\(value)|\(String(reflecting: value))|\(String(describing: value))|"
        dump(value, to: &text)
        var optional = ""
        dump([Optional.some(value)], to: &optional)
        return text + optional + reflected(Mirror(reflecting: value), depth: 0)
    }

    private static func reflected(_ mirror: Mirror, depth: Int) -> String {
        guard depth < 12 else { return "" }
        let own = mirror.children.map { child in
            "\(child.label ?? ""):\(child.value);" + reflected(Mirror(reflecting: child.value), depth: depth + 1)
        }.joined()
        return own + (mirror.superclassMirror.map { reflected($0, depth: depth + 1) } ?? "")
    }

    @Test("finding S15: values with tokens, keys or header fields print no secret, by any way of printing")
    func secrets() async throws {
        let secret = "hunter2-hunter2-hunter2"
        let request = HTTPRequest(
            method: .post, scheme: nil, authority: nil, path: "/",
            headerFields: [.authorization: "Bearer \(secret)", .cookie: "sRefreshToken=\(secret)"])
        let app = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        let remote = try RemoteCore(connectionURI: "http://one.test", apiKey: secret, app: app)
        let sessions = try Sessions(app: app, backend: remote)
        let exchange = SessionExchange(request: request)
        let response = CoreResponse(status: 200, body: Array(secret.utf8))
        var settings = CoreSettings()
        settings.apiKeys = [secret]
        let values: [Any] = [
            RefreshToken(secret), AntiCSRFToken(secret), NewSession(userID: "u", sessionData: ["k": .string(secret)]),
            PresentedRefreshToken(refreshToken: RefreshToken(secret), antiCSRFToken: AntiCSRFToken(secret)),
            PresentedAccessToken(accessToken: secret, antiCSRFToken: AntiCSRFToken(secret)),
            TesseraRemoteCore.CoreRequest(
                method: "GET", url: "/\(secret)", fields: [("api-key", secret)], body: secret), response,
            exchange,
            SessionCall(sessions: sessions, exchange: exchange), remote, remote.client, sessions, exchange.changes,
            Result<CoreResponse, any Error>.success(response), TesseraRemoteCore.CoreReply(["token": .string(secret)]),
            CoreServer.CoreReply.json(["token": .string(secret)]), CoreServer.CoreReply.text(400, secret),
            settings,
        ]
        for value in values {
            let text = Self.shown(value)
            #expect(!text.contains("hunter2"), "\(type(of: value))")
            // Bytes are a secret too.
            #expect(!text.contains("104, 117, 110"), "\(type(of: value))")
        }
    }

    @Test("finding S15: a session, its tokens and what keeps them print nothing of the tokens")
    func session() async throws {
        let test = try await TestSessions()
        let exchange = SessionExchange(
            request: HTTPRequest(
                method: .post, scheme: nil, authority: nil, path: "/", headerFields: [.authMode: "cookie"]))
        let session = try await test.sessions.create(userID: "u", in: exchange)
        let issued = try await test.backend.create(NewSession(userID: "u", usesAntiCSRF: true))
        let verified = try await test.backend.verify(PresentedAccessToken(accessToken: issued.accessToken.exposed))
        let secrets = [
            session.accessToken, session.refreshToken?.exposed, issued.accessToken.exposed, issued.refreshToken.exposed,
            issued.antiCSRFToken?.exposed,
        ].compactMap(\.self)
        #expect(secrets.count == 5)
        let token = try UnverifiedAccessToken(session.accessToken)
        let values: [Any] = [
            session, exchange, exchange.changes, issued, issued.accessToken, issued.refreshToken, verified, token, test,
            test.backend, test.sessions, SessionCall(sessions: test.sessions, exchange: exchange),
        ]
        for value in values {
            let text = Self.shown(value)
            for secret in secrets {
                #expect(!text.contains(secret), "\(type(of: value))")
                // The signature alone, or the random part, would do as well.
                #expect(!text.contains(secret.suffix(40)), "\(type(of: value))")
            }
        }
    }
}
