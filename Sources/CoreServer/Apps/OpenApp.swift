import SessionEngine
import SessionService
import SessionStorage
import Synchronization

/// An app as requests meet it.
struct OpenApp: Sendable {
    let id: AppID
    let tenants: Set<TenantID>
    let settings: AppSettings
    let service: LazyService
}

/// An app's service, opened by whoever needs it first; all who come meanwhile wait for that one opening.
final class LazyService: Sendable {
    private enum State {
        case closed
        case opening(Task<SessionService, any Error>)
        case open(SessionService)
    }

    private let state: Mutex<State>
    private let open: @Sendable () async throws -> SessionService

    init(_ open: @escaping @Sendable () async throws -> SessionService) {
        state = Mutex(.closed)
        self.open = open
    }

    /// A service that is open already.
    init(open service: SessionService) {
        state = Mutex(.open(service))
        open = { service }
    }

    /// The service; an opening that failed is tried again by the next caller.
    func value() async throws -> SessionService {
        let task: Task<SessionService, any Error>
        switch begin() {
        case .open(let service): return service
        case .opening(let started): task = started
        case .closed: task = Task { try await self.open() }
        }
        do {
            let service = try await task.value
            state.withLock { $0 = .open(service) }
            return service
        } catch {
            state.withLock { $0 = .closed }
            throw error
        }
    }

    private func begin() -> State {
        state.withLock { state in
            if case .closed = state { state = .opening(Task { try await self.open() }) }
            return state
        }
    }
}
