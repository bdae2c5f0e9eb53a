import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Synchronization

/// A directory in memory that counts what it and its storages are asked.
final class CountingDirectory: AppDirectory {
    let base = InMemoryAppDirectory()
    private let calls = Counter()

    /// How many questions and changes there were.
    var count: Int { calls.value }

    func apps() async throws(StorageError) -> [AppRecord] {
        calls.add()
        return try await base.apps()
    }

    func app(_ id: AppID) async throws(StorageError) -> AppRecord? {
        calls.add()
        return try await base.app(id)
    }

    func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        calls.add()
        return try await base.updateTenant(of: app, decide)
    }

    func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        calls.add()
        return try await base.removeTenant(tenant, of: app, audit: revocation)
    }

    func removeApp(_ app: AppID) async throws(StorageError) -> Bool {
        calls.add()
        return try await base.removeApp(app)
    }

    func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>] {
        calls.add()
        return try await base.signingKeyIDs(of: apps)
    }

    func storage(of app: AppID) -> any SessionStorage {
        FaultyStorage(base.storage(of: app)) { [calls] _ in
            calls.add()
            return nil
        }
    }

    private final class Counter: Sendable {
        private let number = Mutex(0)

        var value: Int { number.withLock(\.self) }

        func add() { number.withLock { $0 += 1 } }
    }
}
