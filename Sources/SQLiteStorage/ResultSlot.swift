import SessionStorage
import Synchronization

/// Keeps the result of a write until its transaction is durable.
final class ResultSlot<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, StorageError>?>(nil)

    /// Runs the work and returns its error, if it failed.
    func fill(
        with connection: SQLiteConnection, _ body: (SQLiteConnection) throws(StorageError) -> Value
    ) -> StorageError? {
        do throws(StorageError) {
            let value = try body(connection)
            result.withLock { $0 = .success(value) }
            return nil
        } catch {
            result.withLock { $0 = .failure(error) }
            return error
        }
    }

    func take(unless error: StorageError?) -> Result<Value, StorageError> {
        if let error { return .failure(error) }
        return result.withLock { $0 } ?? .failure(StorageError(.unavailable, "a write was never run"))
    }
}
