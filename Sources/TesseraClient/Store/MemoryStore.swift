import Synchronization

/// A session that ends with the process; for tests, and for tools that sign in each time.
public final class MemoryStore: SessionStore {
    private let session = Mutex(StoredSession())
    private let lock = Lock()

    /// An empty store.
    public init() {}

    public func read() async throws(StoreError) -> StoredSession { session.withLock { $0 } }

    public func update(_ change: @Sendable (StoredSession) -> StoredSession?) async throws(StoreError) -> StoredSession
    {
        session.withLock { kept in
            if var next = change(kept) {
                next.revision = kept.revision &+ 1
                kept = next
            }
            return kept
        }
    }

    public func tryRefreshLock() throws(StoreError) -> (any RefreshLock)? {
        let isMine = lock.isHeld.withLock { isHeld in
            defer { isHeld = true }
            return !isHeld
        }
        return isMine ? lock : nil
    }

    private final class Lock: RefreshLock {
        let isHeld = Mutex(false)

        func release() { isHeld.withLock { $0 = false } }
    }
}
