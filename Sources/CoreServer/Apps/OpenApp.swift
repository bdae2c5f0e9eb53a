import SessionEngine
import SessionService
import SessionStorage
import Synchronization

/// An app as requests meet it.
struct OpenApp: Sendable {
    /// What the directory says of it.
    let record: AppRecord
    let tenants: Set<TenantID>
    let settings: AppSettings
    let service: LazyService

    var id: AppID { record.id }
}

/// An app's service, opened on first use; later callers wait for that one opening.
final class LazyService: Sendable {
    private let task: Mutex<Task<SessionManager, any Error>?>
    private let open: @Sendable () async throws -> SessionManager

    init(_ open: @escaping @Sendable () async throws -> SessionManager) {
        task = Mutex(nil)
        self.open = open
    }

    /// The service; an opening that failed is tried again by the next caller.
    func value() async throws -> SessionManager {
        let opening = task.withLock { task in
            let opening = task ?? Task { try await self.open() }
            task = opening
            return opening
        }
        do {
            return try await opening.value
        } catch {
            task.withLock { if $0 == opening { $0 = nil } }
            throw error
        }
    }

    /// The service, if it was opened.
    func opened() async -> SessionManager? {
        guard let opening = task.withLock(\.self) else { return nil }
        return try? await opening.value
    }

    /// Writes what the service has collected, if it was opened.
    func flush() async {
        if let service = await opened() { try? await service.flush() }
    }
}
