public import Foundations
public import Logging
public import LosslessJSON
public import SessionEngine
public import SessionService
public import SessionStorage
import Synchronization

/// The apps of this core, read and opened when they are first asked for, and then kept until they change.
///
/// A process that is the only one to change the directory does so through here, so that what is kept is what is stored.
/// Where other processes share the directory, what is kept is compared with it every second.
public final class AppRegistry: Sendable {
    private struct State {
        var apps: [AppID: OpenApp] = [:]
        /// When an app was last compared with the directory.
        var readAt: [AppID: Timestamp] = [:]
        /// Counts the changes of the directory, so that nothing is kept that was read before one.
        var generation = 0
        /// What was decided about the app `public`, and what an app's `coreConfig` means.
        var settings: AppSettings
        var readSettings: AppSettings.Reader

        /// Whether what is kept of an app need not be compared with the directory.
        func isFresh(_ app: AppID, at now: Timestamp, _ freshness: Milliseconds?) -> Bool {
            guard let freshness else { return true }
            guard let time = readAt[app] else { return false }
            return time <= now && now < time + freshness
        }
    }

    private let state: Mutex<State>
    let directory: any AppDirectory
    private let keyStore: @Sendable (AppID) -> any KeyStore
    private let names: AppNames
    private let base: LazyService
    private let clock: ClockAndRandomness
    let keyPool: SigningKeyPool
    private let isShared: Bool
    private let logger: Logger

    /// How long what is kept of a shared directory is not compared with it.
    private static let freshness = Milliseconds(1_000)

    /// Creates a registry of a directory.
    ///
    /// - Parameters:
    ///   - directory: which apps there are.
    ///   - keyStore: where an app's keys are, if they are encrypted; `nil` for its storage.
    ///   - settings: what was decided about the app `public`.
    ///   - service: the sessions of the app `public`.
    ///   - clock: the clock and the source of randomness.
    ///   - keyPool: where signing keys come from; it gets a reserve when there is a second app.
    ///   - isShared: whether other processes change the directory too.
    ///   - logger: where it is said which settings of apps mean nothing here.
    ///   - readSettings: what an app's `coreConfig` means.
    public init(
        directory: any AppDirectory, keyStore: (@Sendable (AppID) -> any KeyStore)? = nil, settings: AppSettings,
        service: SessionManager, clock: ClockAndRandomness = .system,
        keyPool: SigningKeyPool = SigningKeyPool(), isShared: Bool = false,
        logger: Logger = Logger(label: "apps") { _ in SwiftLogNoOpLogHandler() },
        readSettings: @escaping AppSettings.Reader
    ) {
        self.directory = directory
        self.keyStore = keyStore ?? { directory.storage(of: $0) }
        names = AppNames(directory, clock)
        state = Mutex(State(settings: settings, readSettings: readSettings))
        self.clock = clock
        self.keyPool = keyPool
        self.isShared = isShared
        self.logger = logger
        base = LazyService { service }
    }

    /// What an app's `coreConfig` means now.
    var readSettings: AppSettings.Reader { state.withLock(\.readSettings) }

    /// Lays other settings below those of all apps; their services stay as they are, so the policy has to be the same.
    public func adopt(_ settings: AppSettings, readSettings: @escaping AppSettings.Reader) {
        state.withLock { state in
            (state.settings, state.readSettings) = (settings, readSettings)
            state.generation += 1
            state.apps = state.apps.compactMapValues { app in
                (try? Self.settings(of: app.record, settings, readSettings)).map { settings in
                    OpenApp(record: app.record, tenants: app.tenants, settings: settings, service: app.service)
                }
            }
        }
    }

    /// The time for new tenants.
    var now: Timestamp { clock.time() }

    /// The app of that name, or `nil`.
    ///
    /// Names of apps that do not exist cost the directory nothing, however many are asked for.
    func app(_ id: AppID) async throws(StorageError) -> OpenApp? {
        while true {
            let now = now
            let (kept, isFresh, generation) = state.withLock { state in
                (state.apps[id], state.isFresh(id, at: now, isShared ? Self.freshness : nil), state.generation)
            }
            if let kept, isFresh { return kept }
            if kept == nil, try await !names.contains(id) { return nil }
            let found: AppRecord?
            do throws(StorageError) { found = try await directory.app(id) } catch {
                // An unreachable directory changes nothing either: what is kept stays in use.
                if isShared, error.code == .unavailable, let known = state.withLock({ $0.apps[id] }) { return known }
                throw error
            }
            guard let record = found else {
                forget(id)
                return nil
            }
            if let unchanged = unchanged(record, at: now) { return unchanged }
            let app = try open(record)
            let isKept = state.withLock { state in
                guard state.generation == generation, state.apps[id] == nil else { return false }
                state.apps[id] = app
                state.readAt[id] = now
                return true
            }
            if isKept { return app }
        }
    }

    /// The app as it is kept, if the directory still says the same of it.
    private func unchanged(_ record: AppRecord, at now: Timestamp) -> OpenApp? {
        state.withLock { state in
            guard let known = state.apps[record.id], known.record == record else {
                // A change that another process made: what was kept is opened again, with its keys.
                state.apps[record.id] = nil
                return nil
            }
            state.readAt[record.id] = now
            return known
        }
    }

    private func forget(_ app: AppID) { state.withLock { $0.apps[app] = nil } }

    private func open(_ record: AppRecord) throws(StorageError) -> OpenApp {
        let tenants = Set(record.tenants.map(\.id))
        let (base, read) = state.withLock { ($0.settings, $0.readSettings) }
        let (settings, ignored) = try Self.settingsAndIgnored(of: record, base, read)
        for reason in ignored {
            logger.warning(
                "a setting of an app has no effect here",
                metadata: ["app": "\(record.id.rawValue)", "reason": "\(reason)"])
        }
        guard record.id != .public, record.tenant(.public) != nil else {
            return OpenApp(record: record, tenants: tenants, settings: settings, service: self.base)
        }
        let (directory, keyStore, clock, keyPool) = (directory, keyStore, clock, keyPool)
        let service = LazyService {
            keyPool.keepSpares()
            return try await SessionManager(
                storage: directory.storage(of: record.id), keyStore: keyStore(record.id), policy: settings.policy,
                clock: clock, keyPool: keyPool)
        }
        return OpenApp(record: record, tenants: tenants, settings: settings, service: service)
    }

    /// What was decided about an app: by itself, or for all.
    ///
    /// - Parameters:
    ///   - record: the app.
    ///   - base: what was decided about the app `public`.
    ///   - read: what an app's `coreConfig` means.
    /// - Throws: `StorageError` for a `coreConfig` that does not go with the configuration.
    public static func settings(
        of record: AppRecord, _ base: AppSettings, _ read: AppSettings.Reader
    ) throws(StorageError) -> AppSettings {
        try settingsAndIgnored(of: record, base, read).settings
    }

    /// The same with why keys of another core were ignored.
    private static func settingsAndIgnored(
        of record: AppRecord, _ base: AppSettings, _ read: AppSettings.Reader
    ) throws(StorageError) -> (settings: AppSettings, ignored: [String]) {
        guard record.id != .public, let tenant = record.tenant(.public) else { return (base, []) }
        let coreConfig = try TenantSettings(tenant).coreConfig
        do throws(AppSettingsRefusal) {
            return try AppSettingsRefusal.read(coreConfig, read)
        } catch {
            throw StorageError(
                .corrupt, "app \(record.id.rawValue) cannot be opened with the core's configuration: \(error.reason)")
        }
    }

    /// Ends an app.
    ///
    /// - Returns: whether there was one.
    func remove(_ app: AppID) async throws(StorageError) -> Bool {
        try await changing(app) { () async throws(StorageError) in try await directory.removeApp(app) }
    }

    /// Ends a tenant.
    ///
    /// - Parameters:
    ///   - tenant: the tenant.
    ///   - app: its app.
    ///   - actor: who does it, for the audit log.
    /// - Returns: whether there was one.
    func remove(
        _ tenant: TenantID, of app: AppID, by actor: AuditActor
    ) async throws(StorageError) -> Bool {
        let revocation = state.withLock(\.settings).policy.auditRetention.map { _ in
            Revocation(by: actor, .tenant, at: now)
        }
        return try await changing(app) { () async throws(StorageError) in
            try await directory.removeTenant(tenant, of: app, audit: revocation)
        }
    }

    /// Changes the directory and forgets what was known of an app, however the change went.
    ///
    /// The next request opens the app again, with the keys and the secret that are then in storage.
    func changing<Result>(
        _ app: AppID, _ change: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        defer {
            let known = state.withLock { state in
                state.generation += 1
                return state.apps.removeValue(forKey: app)
            }
            names.forget()
            if let known, app != .public { Task { await known.service.flush() } }
        }
        return try await change()
    }

    /// The sessions of every app there is, for work that concerns all; an app that cannot be opened is left out.
    public func services() async -> [SessionManager] {
        var services: [SessionManager] = []
        for record in (try? await directory.apps()) ?? [] {
            if let app = try? await app(record.id), let service = try? await app.service.value() {
                services.append(service)
            }
        }
        return services
    }

    /// The sessions of one app; `nil` where there is no such app, or it cannot be opened now.
    package func service(of app: AppID) async -> SessionManager? {
        guard let found = try? await self.app(app) else { return nil }
        return try? await found.service.value()
    }

    /// Has the services that are open use the signing keys that are stored now.
    ///
    /// - Throws: the first `StorageError`, once every app had its turn: a key that cannot be read in one does not keep the
    ///   others from following. Where it could not be asked for, the keys stay as they were.
    func followKeys() async throws(StorageError) {
        var services = state.withLock { $0.apps.mapValues(\.service) }
        services[.public] = base
        var failure: StorageError?
        let stored = try await directory.signingKeyIDs(of: Array(services.keys))
        for (app, lazy) in services {
            // The service of the public app is there, whether it was asked for here or not.
            guard let service = app == .public ? try? await lazy.value() : await lazy.opened() else { continue }
            do throws(ServiceError) { try await service.followKeys(stored[app] ?? []) } catch {
                if case .storage(let error) = error { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
    }

    /// Writes what the services of all apps have collected, before the process ends.
    public func flush() async {
        for app in state.withLock({ Array($0.apps.values) }) { await app.service.flush() }
        await base.flush()
    }
}
