import LosslessJSON
import SessionEngine
public import SessionService
public import SessionStorage
import Synchronization

/// The apps of this core, read and opened when they are first asked for, and then kept until they change.
///
/// This process is the only one that changes the directory, and it does so through here, so that what is kept is what
/// is stored.
public final class AppRegistry: Sendable {
    private struct State {
        var apps: [AppID: OpenApp] = [:]
        /// Counts the changes of the directory, so that nothing is kept that was read before one.
        var generation = 0
    }

    private let state = Mutex(State())
    let directory: any AppDirectory
    let readSettings: AppSettings.Reader
    private let base: (settings: AppSettings, service: LazyService)
    private let ambient: Ambient
    private let keyPool: SigningKeyPool

    /// Puts a registry in front of a directory.
    ///
    /// - Parameters:
    ///   - directory: which apps there are.
    ///   - settings: what was decided about the app `public`.
    ///   - service: the sessions of the app `public`.
    ///   - ambient: the clock and the dice.
    ///   - keyPool: where signing keys come from; it gets a reserve when there is a second app.
    ///   - readSettings: what an app's `coreConfig` means.
    public init(
        directory: any AppDirectory, settings: AppSettings, service: SessionService, ambient: Ambient = .system,
        keyPool: SigningKeyPool = SigningKeyPool(), readSettings: @escaping AppSettings.Reader
    ) {
        self.directory = directory
        self.readSettings = readSettings
        self.ambient = ambient
        self.keyPool = keyPool
        base = (settings, LazyService { service })
    }

    /// The time for new tenants.
    var now: Timestamp { ambient.time() }

    /// The app of that name, or `nil`.
    func app(_ id: AppID) async throws(StorageError) -> OpenApp? {
        while true {
            let (known, generation) = state.withLock { ($0.apps[id], $0.generation) }
            if let known { return known }
            guard let record = try await directory.app(id) else { return nil }
            let app = try open(record)
            let isKept = state.withLock { state in
                guard state.generation == generation, state.apps[id] == nil else { return false }
                state.apps[id] = app
                return true
            }
            if isKept { return app }
        }
    }

    private func open(_ record: AppRecord) throws(StorageError) -> OpenApp {
        let tenants = Set(record.tenants.map(\.id))
        guard record.id != .public, let tenant = record.tenant(.public) else {
            return OpenApp(id: record.id, tenants: tenants, settings: base.settings, service: base.service)
        }
        let settings = try settings(of: tenant, app: record.id)
        let (directory, ambient, keyPool) = (directory, ambient, keyPool)
        let service = LazyService {
            keyPool.keepSpares()
            return try await SessionService(
                storage: directory.storage(of: record.id), policy: settings.policy, ambient: ambient, keyPool: keyPool)
        }
        return OpenApp(id: record.id, tenants: tenants, settings: settings, service: service)
    }

    private func settings(of tenant: TenantRecord, app: AppID) throws(StorageError) -> AppSettings {
        let coreConfig = try TenantSettings(tenant).coreConfig
        do throws(AppSettingsRefusal) {
            return try readSettings(coreConfig)
        } catch {
            throw StorageError(
                .corrupt, "app \(app.text) cannot be opened with the core's configuration: \(error.reason)")
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
    /// - Returns: whether there was one.
    func remove(_ tenant: TenantID, of app: AppID) async throws(StorageError) -> Bool {
        let revocation = base.settings.policy.auditRetention.map { _ in Revocation(by: .admin, at: now) }
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
            if let known, app != .public { Task { await known.service.flush() } }
        }
        return try await change()
    }

    /// The sessions of every app there is, for work that concerns all; an app that cannot be opened is left out.
    public func services() async -> [SessionService] {
        var services: [SessionService] = []
        for record in (try? await directory.apps()) ?? [] {
            if let app = try? await app(record.id), let service = try? await app.service.value() {
                services.append(service)
            }
        }
        return services
    }

    /// Writes what the services of all apps have collected, before the process ends.
    public func flush() async {
        for app in state.withLock({ Array($0.apps.values) }) { await app.service.flush() }
        await base.service.flush()
    }
}
