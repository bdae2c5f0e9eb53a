import CoreConfiguration
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

/// A core with a directory of apps for a test, with a clock that belongs to the test.
struct ManyApps: Sendable {
    let api: CoreAPI
    let clock: TestClock
    let registry: AppRegistry

    /// ES256, because RSA keys are dear.
    static let configuration = "access_token_signing_algorithm: ES256\n"

    init(
        _ directory: any AppDirectory = InMemoryAppDirectory(), configuration yaml: String = "",
        clock: TestClock = TestClock()
    ) async throws {
        let configuration = try OperatorConfiguration(file: (Self.configuration + yaml, "/etc/config.yaml"))
        let sources = ClockAndRandomness(time: { clock.now }, randomBits: { ClockAndRandomness.system.randomBits() })
        let service = try await SessionManager(
            storage: directory.storage(of: .public), policy: configuration.policy, clock: sources)
        let registry = AppRegistry(
            directory: directory,
            settings: AppSettings(policy: configuration.policy, core: configuration.settings), service: service,
            clock: sources, readSettings: configuration.apps.settings)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        api = CoreAPI(service: service, settings: configuration.settings, logger: logger, apps: registry)
        self.clock = clock
        self.registry = registry
    }

    /// Takes another configuration over, as SIGHUP does.
    func reload(_ yaml: String) throws {
        let configuration = try OperatorConfiguration(file: (Self.configuration + yaml, "/etc/config.yaml"))
        api.adopt(configuration.settings)
        registry.adopt(
            AppSettings(policy: configuration.policy, core: configuration.settings),
            readSettings: configuration.apps.settings)
    }

    /// Sends a request and gives its status and its body without the line break.
    func send(
        _ method: String, _ path: String, _ body: JSONObject = [:], query: String? = nil, version: String? = "5.4",
        key: String? = nil
    ) async -> (status: Int, body: String) {
        let request = CoreRequest(
            method: method, path: path, query: query, version: version, apiKey: key, body: Array(body.text.utf8))
        let reply = await api.respond(to: request)
        return (reply.status, String(decoding: reply.body.dropLast(), as: UTF8.self))
    }

    /// Sends a request and insists on a JSON document.
    func document(
        _ method: String, _ path: String, _ body: JSONObject = [:], query: String? = nil, version: String? = "5.4",
        key: String? = nil
    ) async throws -> JSONObject {
        let reply = await send(method, path, body, query: query, version: version, key: key)
        let document = try? JSONValue(parsing: reply.body).object
        return try #require(document, "\(method) \(path): \(reply.status) \(reply.body)")
    }

    /// Makes an app or changes it.
    @discardableResult
    func put(app: String, _ coreConfig: JSONObject = [:], version: String = "5.4", key: String? = nil) async throws
        -> Bool
    {
        let body: JSONObject = ["appId": .string(app), "coreConfig": .object(coreConfig)]
        let reply = try await document("PUT", "/recipe/multitenancy/app/v2", body, version: version, key: key)
        #expect(reply["status"] == "OK")
        return try #require(reply["createdNew"]) == true
    }

    /// Makes a tenant of an app.
    @discardableResult
    func put(tenant: String, of app: String) async throws -> Bool {
        let reply = try await document(
            "PUT", "/appid-\(app)/recipe/multitenancy/tenant/v2", ["tenantId": .string(tenant)])
        return try #require(reply["createdNew"]) == true
    }

    /// Creates a session.
    func create(_ prefix: String, user: String = "u", key: String? = nil) async throws -> SeenSession {
        let body: JSONObject = [
            "userId": .string(user), "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
        ]
        return try SeenSession(try await document("POST", "\(prefix)/recipe/session", body, key: key))
    }

    /// Verifies an access token and gives the whole answer.
    func verify(
        _ prefix: String, _ token: String, database: Bool = true, version: String = "5.4", key: String? = nil
    ) async throws -> JSONObject {
        let body: JSONObject = [
            "accessToken": .string(token), "doAntiCsrfCheck": false, "enableAntiCsrf": false,
            "checkDatabase": .bool(database),
        ]
        return try await document("POST", "\(prefix)/recipe/session/verify", body, version: version, key: key)
    }

    /// Exchanges a refresh token and gives the whole answer.
    func refresh(_ prefix: String, _ token: String, version: String = "5.4") async throws -> JSONObject {
        let body: JSONObject = [
            "refreshToken": .string(token), "enableAntiCsrf": false, "useDynamicSigningKey": true,
        ]
        return try await document("POST", "\(prefix)/recipe/session/refresh", body, version: version)
    }

    /// The handles of a user's sessions.
    func list(_ prefix: String, user: String = "u", across: Bool? = nil, version: String = "5.4") async throws
        -> Set<String>
    {
        let query = "userId=\(user)" + (across.map { "&fetchAcrossAllTenants=\($0)" } ?? "")
        let reply = try await document("GET", "\(prefix)/recipe/session/user", query: query, version: version)
        return Set(try #require(reply["sessionHandles"]?.strings))
    }
}

/// What a driver keeps of a session.
struct SeenSession: Sendable {
    let handle: String
    let tenant: String
    var accessToken: String
    var refreshToken: String

    init(_ reply: JSONObject) throws {
        let session = try #require(reply["session"]?.object, "\(reply.text)")
        handle = try #require(session["handle"]?.string)
        tenant = try #require(session["tenantId"]?.string)
        accessToken = try #require(reply["accessToken"]?.object?["token"]?.string)
        refreshToken = try #require(reply["refreshToken"]?.object?["token"]?.string)
    }
}

extension JSONValue {
    fileprivate var strings: [String]? { array.map { $0.compactMap(\.string) } }
}
