import InMemoryStorage
import SessionStorage
import SessionStorageTesting
import Synchronization

/// Storage that works until it is told to fail, and again when it is told to work.
final class SwitchableStorage: Sendable {
    private let error = Mutex<StorageError?>(nil)

    /// The storage itself.
    var storage: FaultyStorage {
        FaultyStorage(InMemorySessionStorage()) { _ in self.error.withLock { $0 }.map { .before($0) } }
    }

    /// Every call fails with an error from now on, or works again.
    func fail(with error: StorageError?) {
        self.error.withLock { $0 = error }
    }
}
