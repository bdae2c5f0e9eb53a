import CoreDriverInterface
package import Foundations
import Logging
import LosslessJSON
package import SessionEngine
import SessionService
package import SessionStorage
import Synchronization

/// The admin page's interface without HTTP: a request goes in as a value, and an answer comes out as one.
package struct AdminAPI: Sendable {
    /// What does not change while the core runs.
    package struct Facts: Sendable {
        /// Which release it is.
        package var version: String
        /// Where sessions are, for an operator.
        package var storage: String
        /// Whether other processes may have the same storage.
        package var isShared: Bool

        package init(version: String, storage: String, isShared: Bool) {
            (self.version, self.storage, self.isShared) = (version, storage, isShared)
        }
    }

    let api: CoreAPI
    let apps: AppRegistry
    let keyStore: @Sendable (AppID) -> any KeyStore
    let facts: Facts
    let sessions: AdminSessions
    let clock: ClockAndRandomness
    let begun: Timestamp
    private let current: Current

    /// Settings that may change while requests are answered.
    private final class Current: Sendable {
        let value: Mutex<AdminSettings>

        init(_ settings: AdminSettings) { value = Mutex(settings) }
    }

    /// Creates the interface of a core.
    ///
    /// - Parameters:
    ///   - api: the core.
    ///   - apps: its apps.
    ///   - keyStore: where an app's signing keys are, decrypted.
    ///   - facts: what does not change.
    ///   - settings: what was decided about the page.
    ///   - clock: the clock and the source of randomness.
    package init(
        _ api: CoreAPI, apps: AppRegistry, keyStore: @escaping @Sendable (AppID) -> any KeyStore, facts: Facts,
        settings: AdminSettings, clock: ClockAndRandomness = .system
    ) {
        (self.api, self.apps, self.keyStore, self.facts) = (api, apps, keyStore, facts)
        self.clock = clock
        current = Current(settings)
        sessions = AdminSessions(clock: clock)
        begun = clock.time()
    }

    /// What was decided, as it is now.
    var settings: AdminSettings { current.value.withLock(\.self) }

    /// Takes other settings; the sessions of keys that are gone end.
    package func adopt(_ settings: AdminSettings) {
        current.value.withLock { $0 = settings }
        sessions.keep(settings.keys)
    }

    /// Answers a request; this never fails.
    func answer(_ request: AdminRequest) async -> AdminAnswer {
        do throws(AdminRefusal) {
            try AdminGuard.check(request, settings)
            guard let route = AdminRoute(request.core.path) else { throw .notFound }
            guard route.methods.contains(request.core.method) else { throw .wrongMethod }
            if let file = route.file { return .reply(file) }
            return try await perform(route, request)
        } catch {
            return .reply(AdminReply(error))
        }
    }

    private func perform(_ route: AdminRoute, _ request: AdminRequest) async throws(AdminRefusal) -> AdminAnswer {
        if route == .session, request.core.method == "POST" { return .reply(try logIn(request)) }
        if route == .link { return .reply(try makeLink(request)) }
        guard let token = request.token else { throw .notLoggedIn }
        if route == .session, request.core.method == "DELETE" {
            sessions.end(token)
            return .reply(.json([:]))
        }
        guard let session = sessions.use(token) else { throw .notLoggedIn }
        let call = AdminCall(request: request, session: session)
        if route.isChange, !settings.isWritable { throw .readOnly }
        if route == .live { return .live(token: token) }
        var reply = try await reply(route, call)
        reply.headers.append(("X-Tessera-Admin-Ends-In", "\(endsIn(session))"))
        return .reply(reply)
    }

    private func reply(_ route: AdminRoute, _ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        switch route {
        case .session: .json(describe(call.session))
        case .overview: try await overview(call)
        case .sessions: try await listSessions(call)
        case .revoke: try await revoke(call)
        case .timeline: try await timeline(call)
        case .keys: try await listKeys(call)
        case .rotate: try await rotateKey(call)
        case .kill: try await killKey(call)
        case .configuration: configuration()
        case .audit: try await audit(call)
        case .export: try await exportAudit(call)
        case .root, .page, .style, .script, .link, .live: throw .notFound
        }
    }

    /// Runs something on storage; what went wrong is in the log, and not in the reply.
    func storing<Result>(
        _ body: () async throws -> Result
    ) async throws(AdminRefusal) -> Result {
        do {
            return try await body()
        } catch let error as AdminRefusal {
            throw error
        } catch let error as InvalidRequest {
            throw .badInput(error.text)
        } catch {
            let error = Self.storageError(error)
            guard let error else { throw .failed }
            api.events.storageFailed(error)
            throw .storage
        }
    }

    private static func storageError(_ error: any Error) -> StorageError? {
        if case .storage(let error)? = error as? ServiceError { return error }
        return error as? StorageError
    }

    /// The app of a call, opened.
    func app(_ call: AdminCall) async throws -> (app: OpenApp, service: SessionManager) {
        guard let app = try await apps.app(call.app) else { throw AdminRefusal.noSuchApp }
        return (app, try await app.service.value())
    }
}

/// A request within an admin session.
struct AdminCall: Sendable {
    let request: AdminRequest
    let session: AdminSessions.Session

    /// The app that is meant.
    var app: AppID { request.parameter(.app).map { AppID($0) } ?? .public }

    /// What is noted in the audit log about a change.
    ///
    /// - Throws: ``AdminRefusal`` where no reason is given, and for one that is too long.
    func note(_ object: JSONObject) throws(AdminRefusal) -> AuditNote {
        let text = (object[.reasonText]?.string ?? "").trimmed(\.isWhitespace)
        let isPlain = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard !text.isEmpty, text.unicodeScalars.count <= Self.longestReason, isPlain else {
            throw .badInput("A change needs a reason of at most \(Self.longestReason) characters, on one line.")
        }
        return AuditNote(operatorName: session.operatorName, reasonText: String(text))
    }

    private static let longestReason = 200
}
