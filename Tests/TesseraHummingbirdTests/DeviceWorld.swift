import Foundations
import Hummingbird
import HummingbirdTesting
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TesseraHummingbird
import TesseraInProcess
import TesseraSessions
import TesseraTesting

/// An application whose browsers may bind their sessions, with a storage that fails when a test says so.
final class DeviceWorld: Sendable {
    static let api = "https://api.example.com"
    static let register = "/auth/session/dbsc/register"
    static let renew = "/auth/session/dbsc/refresh"
    static let refresh = "/auth/session/refresh"

    let clock = VirtualClock()
    let service: SessionManager
    let sessions: Sessions
    let app: Application<RouterResponder<BasicTesseraRequestContext>>
    /// Whether storage answers nothing.
    let away = Away()

    init(
        _ policy: DeviceBindingPolicy = .enforce, website: AppInfo.Website = .fixed("https://app.example.com"),
        _ configure: (inout SessionConfiguration) -> Void = { _ in }
    ) async throws {
        let faulty = FaultyStorage(InMemorySessionStorage()) { [away] _ in
            away.fault()
        }
        service = try await SessionManager(
            storage: faulty, policy: SessionPolicy(signingAlgorithm: .es256), clock: clock.source)
        var configuration = SessionConfiguration()
        configuration.deviceBinding = policy
        configure(&configuration)
        sessions = try Sessions(
            app: AppInfo(name: "Test", apiDomain: Self.api, website: website), configuration: configuration,
            backend: InProcessBackend(service), clock: clock.source)
        sessions.forgoUpkeep()
        app = Application(
            router: Self.router(sessions), configuration: .init(address: .hostname("127.0.0.1", port: 0)))
    }

    /// Whether storage answers nothing.
    final class Away: Sendable {
        private let state = Mutex((isSo: false, lost: -1))
        var isSo: Bool {
            get { state.withLock { $0.isSo } }
            set { state.withLock { $0.isSo = newValue } }
        }

        /// Does one of the next calls, and loses its answer.
        func loseAnswer(after count: Int) { state.withLock { $0.lost = count } }

        fileprivate func fault() -> FaultyStorage.Fault? {
            state.withLock { state in
                state.lost -= 1
                let error = StorageError(.unavailable, "planned")
                if state.isSo { return .before(error) }
                return state.lost == -1 ? .after(error) : nil
            }
        }
    }

    private static func router(_ sessions: Sessions) -> Router<BasicTesseraRequestContext> {
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("sign-in") { _, context in try await context.createSession(userID: "user1").handle.rawValue }
        router.post("anonymous") { _, context in
            try await context.sessions().createAnonymous(in: context.sessionExchange()).handle.rawValue
        }
        router.post("auth/session/refresh/second") { _, context in
            try await context.sessions().stepUp(to: "aal2", in: context.sessionExchange()).handle.rawValue
        }
        router.post("auth/session/refresh/sign-in") { _, context in
            try await context.sessions().upgrade(to: "user1", in: context.sessionExchange()).handle.rawValue
        }
        let routes = [
            ("me", VerifyOptions()), ("safe", VerifyOptions(device: .whereBound)),
            ("bound", VerifyOptions(device: .always)),
        ]
        for (path, options) in routes {
            router.group().add(middleware: RequireSession(options)).get("\(path)") { _, context in
                context.session?.handle.rawValue ?? "none"
            }
        }
        return router
    }

    /// Runs requests through the router.
    func run(_ body: @escaping @Sendable (Browser) async throws -> Void) async throws {
        try await app.test(.router) { client in
            try await body(
                Browser(send: { path, method, headers in
                    try await client.execute(uri: path, method: method, headers: headers)
                }))
        }
    }

    /// The names and reasons of the events about one session, the oldest first.
    func events(_ handle: String) async throws -> [String] {
        let query = AuditQuery(order: .oldestFirst(after: 0), handle: SessionHandle(handle), limit: 1_000)
        return try await service.auditEvents(query).map(\.event)
            .map { [$0.name.rawValue, $0.details["reason"]?.string].compactMap(\.self).joined(separator: " ") }
    }

    /// A browser with a software key on this application.
    func browser(_ way: Browser, isQuoted: Bool = false) -> DeviceBrowser {
        DeviceBrowser(way, clock: clock, isQuoted: isQuoted)
    }
}
