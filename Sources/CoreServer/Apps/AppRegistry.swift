import LosslessJSON
import SessionEngine
public import SessionService
public import SessionStorage
import Synchronization

/// The apps of this core, read and opened when they are first asked for, and then kept.
///
/// This process is the only one that changes the directory, and it does so through here, so that what is kept is what
/// is stored.
public final class AppRegistry: Sendable {
    private struct State {
        /// What is known of the directory.
        var apps: [AppID: OpenApp] = [:]
        /// The services, which outlive changes that are none to them.
        var services: [AppID: (settings: AppSettings, service: LazyService)] = [:]
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
        base = (settings, LazyService(open: service))
    }

    /// The time for new tenants.
    var now: Timestamp { ambient.time() }

    /// The app of that name, or `nil`.
    func app(_ id: AppID) async throws(StorageError) -> OpenApp? {
        while true {
            let (known, generation) = state.withLock { ($0.apps[id], $0.generation) }
            if let known { return known }
            guard let record = try await directory.app(id) else { return nil }
            let settings = try settings(of: record)
            let app: OpenApp? = state.withLock { state in
                guard state.generation == generation else { return nil }
                let app = OpenApp(
                    id: id, tenants: Set(record.tenants.map(\.id)), settings: settings,
                    service: service(of: id, settings, in: &state))
                state.apps[id] = app
                return app
            }
            if let app { return app }
        }
    }

    /// The service that an app keeps as long as its settings are the same.
    private func service(of id: AppID, _ settings: AppSettings, in state: inout State) -> LazyService {
        if id == .public { return base.service }
        if let (old, service) = state.services[id], old == settings { return service }
        let (directory, ambient, keyPool) = (directory, ambient, keyPool)
        let service = LazyService {
            keyPool.keepSpares()
            return try await SessionService(
                storage: directory.storage(of: id), policy: settings.policy, ambient: ambient, keyPool: keyPool)
        }
        state.services[id] = (settings, service)
        return service
    }

    private func settings(of record: AppRecord) throws(StorageError) -> AppSettings {
        guard record.id != .public, let tenant = record.tenant(.public) else { return base.settings }
        let coreConfig = try TenantSettings(tenant).coreConfig
        do throws(AppSettingsRefusal) {
            return try readSettings(coreConfig)
        } catch {
            throw StorageError(
                .corrupt, "app \(record.id.text) cannot be opened with the core's configuration: \(error.reason)")
        }
    }

    /// Ends an app.
    ///
    /// - Returns: whether there was one.
    func remove(_ app: AppID) async throws(StorageError) -> Bool {
        let didExist = try await changing(app) { () async throws(StorageError) in try await directory.removeApp(app) }
        state.withLock { $0.services[app] = nil }
        return didExist
    }

    /// Ends a tenant.
    ///
    /// - Returns: whether there was one.
    func remove(_ tenant: TenantID, of app: AppID) async throws(StorageError) -> Bool {
        try await changing(app) { () async throws(StorageError) in
            try await directory.removeTenant(tenant, of: app)
        }
    }

    /// Changes the directory and forgets what was known of an app, however the change went.
    func changing<Result>(
        _ app: AppID, _ change: () async throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        defer {
            state.withLock { state in
                state.apps[app] = nil
                state.generation += 1
            }
        }
        return try await change()
    }
}
