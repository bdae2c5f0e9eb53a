import CoreDriverInterface
public import Logging
import OperatorTracing
import SessionEngine
public import SessionService
import SessionStorage
import Synchronization

/// The core's HTTP interface without HTTP: a request goes in as a value and a reply comes out as one.
public struct CoreAPI: Sendable {
    let service: SessionManager
    private let current: CurrentSettings
    let logger: Logger
    let apps: AppRegistry?
    let readiness: Readiness
    /// What an operator reads.
    let events: OperatorEvents
    /// What is counted, whether or not it is ever read.
    private(set) var metrics = TesseraMetrics()
    /// What traces requests, if anything does.
    var tracer: Tracer?
    /// What answers those who ask for security events, if there are such streams.
    private(set) var polls: EventPolls?

    /// Creates the interface of a service.
    ///
    /// - Parameters:
    ///   - service: the sessions of the app `public`.
    ///   - settings: what was decided about the core's answers.
    ///   - logger: where failures are logged.
    ///   - apps: the other apps; without them there is one app with one tenant.
    ///   - isReady: whether storage answers now; asked for `/health/ready`.
    public init(
        service: SessionManager, settings: CoreSettings, logger: Logger, apps: AppRegistry? = nil,
        isReady: @escaping @Sendable () async -> Bool = { true }
    ) {
        self.service = service
        current = CurrentSettings(settings)
        self.logger = logger
        self.apps = apps
        events = OperatorEvents(logger)
        readiness = Readiness(StorageWatch(logger), time: { service.currentTime }, isReady)
    }

    /// The same interface in front of another app.
    init(_ service: SessionManager, _ settings: CoreSettings, as other: CoreAPI) {
        self.service = service
        current = CurrentSettings(settings)
        (logger, apps, readiness, events) = (other.logger, other.apps, other.readiness, other.events)
        (metrics, tracer, polls) = (other.metrics, other.tracer, other.polls)
    }

    /// The same interface, which counts where a scrape finds it.
    ///
    /// - Parameter metrics: where it counts.
    package func counting(_ metrics: TesseraMetrics) -> CoreAPI {
        var counting = self
        counting.metrics = metrics
        return counting
    }

    /// The same interface, which answers those who ask for security events.
    ///
    /// - Parameter polls: their streams; `nil` leaves it as it is.
    package func answering(_ polls: EventPolls?) -> CoreAPI {
        var answering = self
        answering.polls = polls
        return answering
    }

    /// What was decided about the answers, as it is now.
    var settings: CoreSettings { current.value.withLock(\.self) }

    /// Answers by other settings from the next request on, also on connections that are open.
    ///
    /// Other apps than `public` have their settings from ``AppRegistry/adopt(_:readSettings:)``.
    public func adopt(_ settings: CoreSettings) { current.value.withLock { $0 = settings } }

    /// Settings that may change while requests are answered.
    private final class CurrentSettings: Sendable {
        let value: Mutex<CoreSettings>

        init(_ settings: CoreSettings) { value = Mutex(settings) }
    }

    /// One request with what its path and version mean.
    struct Call: Sendable {
        var request: CoreRequest
        let operation: CoreOperation
        let dialect: Dialect
        let app: AppID
        let tenant: TenantID

        /// Reads the request by the table of its operation.
        func decode<Message>(_ table: RequestTable<Message>) throws(InvalidRequest) -> Message {
            if table.readsQuery { return try table.decode(query: request.parameter, dialect) }
            return try table.decode(body: request.body, dialect)
        }
    }

    func perform(_ call: Call) async throws -> CoreReply {
        switch call.operation {
        case .hello: Self.hello(await readiness.current())
        case .listVersions: listVersions()
        case .showConfiguration: try showConfiguration(call)
        case .handshake: try await handshake(call)
        case .createSession: try await createSession(call)
        case .verifySession: try await verifySession(call)
        case .refreshSession: try await refreshSession(call)
        case .regenerateSession: try await regenerateSession(call)
        case .removeSessions: try await removeSessions(call)
        case .removeAndCountSessions: try await removeAndCountSessions(call)
        case .listSessions: try await listSessions(call)
        case .readSession: try await readSession(call)
        case .readSessionData: try await readSessionData(call)
        case .writeSessionData: try await writeSessionData(call)
        case .readPayload: try await readPayload(call)
        case .writePayload: try await writePayload(call)
        case .publishKeys: try await publishKeys(call)
        case .listKeys: try await listKeys()
        case .createToken: try await createToken(call)
        case .showTelemetry: showTelemetry()
        case .readAuditTrail: try await readAuditTrail(call)
        case .readFeed: try await readFeed(call)
        case .stepUpSession: try await stepUpSession(call)
        case .revokeWithToken: try await revokeWithToken(call)
        case .explainEnd: try await explainEnd(call)
        case .listCapabilities: listCapabilities()
        case .listDevices: try await listDevices(call)
        case .nameDevice: try await nameDevice(call)
        case .removeDevices: try await removeDevices(call)
        case .forgetDevices: try await forgetDevices(call)
        case .upgradeSession: try await upgradeSession(call)
        case .impersonateUser: try await impersonateUser(call)
        case .endImpersonation: try await endImpersonation(call)
        case .noteCredentialChange: try await noteCredentialChange(call)
        case .registerDevice: try await registerDevice(call)
        case .renewDevice: try await renewDevice(call)
        case .checkDevice: try await checkDevice(call)
        case .countUsers: try countUsers(call)
        case .countActiveUsers: try await countActiveUsers(call)
        case .listUsers, .findUsersByAccount: listUsers()
        case .findUser: try findUser(call)
        case .putApp, .putAppV2, .listApps, .listAppsV2, .removeApp, .putTenant, .putTenantV2, .readTenant,
            .readTenantV2, .listTenants, .listTenantsV2, .removeTenant:
            try await manage(call)
        }
    }
}
