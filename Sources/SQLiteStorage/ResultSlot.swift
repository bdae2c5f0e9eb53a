import SessionStorage
import Synchronization

/// Work for another thread, and its result until the caller may have it.
///
/// The work names what it works on, and with it the database. It is let go before the caller continues, so that the
/// caller's last name of a database is the last one: the files are free when the caller has dropped it.
final class ResultSlot<Value: Sendable>: Sendable {
    typealias Work = @Sendable (SQLiteConnection) throws(StorageError) -> Value

    private struct State {
        var work: Work?
        var result: Result<Value, StorageError>?
    }

    private let state: Mutex<State>

    init(_ work: @escaping Work) {
        state = Mutex(State(work: work, result: nil))
    }

    /// Runs the work and returns its error, if it failed.
    func fill(with connection: SQLiteConnection) -> StorageError? {
        guard let work = state.withLock({ $0.work }) else { return nil }
        let result = Result { () throws(StorageError) in try work(connection) }
        state.withLock { $0.result = result }
        guard case .failure(let error) = result else { return nil }
        return error
    }

    /// Lets the work go, and gives its result.
    func take(unless error: StorageError?) -> Result<Value, StorageError> {
        // Let go outside the lock: with the work may go what it works on.
        let (result, _) = state.withLock { state in
            defer { state.work = nil }
            return (state.result, state.work)
        }
        if let error { return .failure(error) }
        return result ?? .failure(StorageError(.unavailable, "a write was never run"))
    }
}
