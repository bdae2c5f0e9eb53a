public import SessionEngine
public import SessionStorage
import Synchronization

/// Apps and tenants in memory, for tests and for trying things out: everything is gone with the process.
public final class InMemoryAppDirectory: AppDirectory {
    private struct State {
        var apps: [AppID: AppRecord] = [:]
        var storages: [AppID: InMemorySessionStorage] = [:]
    }

    private let state: Mutex<State>

    /// A directory with the app and the tenant that always exist.
    public init() {
        let tenant = TenantRecord(id: .public, createdAt: Timestamp(milliseconds: 0))
        var state = State()
        state.apps[.public] = AppRecord(id: .public, tenants: [tenant])
        Self.settle(.public, in: &state)
        self.state = Mutex(state)
    }

    /// Makes an app's storage agree with its record.
    private static func settle(_ app: AppID, in state: inout State, audit revocation: Revocation? = nil) {
        let storage = state.storages[app] ?? InMemorySessionStorage()
        storage.keep(Set(state.apps[app]?.tenants.map(\.id) ?? []), audit: revocation)
        // An app that is created again gets a new storage; the old one stays shut for callers that still hold it.
        state.storages[app] = state.apps[app] == nil ? nil : storage
    }

    public func apps() async throws(StorageError) -> [AppRecord] {
        state.withLock { state in
            AppRecord.collect(state.apps.values.flatMap { app in app.tenants.map { (app.id, $0) } })
        }
    }

    public func app(_ id: AppID) async throws(StorageError) -> AppRecord? {
        state.withLock { $0.apps[id] }
    }

    public func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        state.withLock { state in
            let current = state.apps[app]
            let decision = decide(current)
            guard var tenant = decision.stored, current != nil || tenant.id == .public else { return decision.outcome }
            let others = current?.tenants.filter { $0.id != tenant.id } ?? []
            if let old = current?.tenant(tenant.id) { tenant.createdAt = old.createdAt }
            state.apps[app] = AppRecord(id: app, tenants: others + [tenant])
            Self.settle(app, in: &state)
            return decision.outcome
        }
    }

    public func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        state.withLock { state in
            guard tenant != .public, let current = state.apps[app], current.tenant(tenant) != nil else { return false }
            state.apps[app] = AppRecord(id: app, tenants: current.tenants.filter { $0.id != tenant })
            Self.settle(app, in: &state, audit: revocation)
            return true
        }
    }

    public func removeApp(_ app: AppID) async throws(StorageError) -> Bool {
        state.withLock { state in
            guard app != .public, state.apps.removeValue(forKey: app) != nil else { return false }
            Self.settle(app, in: &state)
            return true
        }
    }

    public func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>] {
        var names: [AppID: Set<String>] = [:]
        for app in apps {
            let keys = try await storage(of: app).signingKeys()
            if !keys.isEmpty { names[app] = Set(keys.map(\.id.rawValue)) }
        }
        return names
    }

    public func storage(of app: AppID) -> any SessionStorage {
        state.withLock { state in
            if let storage = state.storages[app] { return storage }
            let shut = InMemorySessionStorage()
            shut.keep([])
            return shut
        }
    }
}
