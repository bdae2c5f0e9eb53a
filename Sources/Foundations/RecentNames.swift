import Synchronization

/// What was seen within a while, so that it is taken once; kept in memory for each process.
package final class RecentNames: Sendable {
    private struct Memory {
        var recent: Set<[UInt8]> = []
        var older: Set<[UInt8]> = []
        var since: Timestamp
    }

    private let life: Milliseconds
    private let capacity: Int
    private let memory: Mutex<Memory>

    /// Remembers nothing yet.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - life: for how long a name is remembered at least.
    ///   - capacity: how many are remembered in each of two halves; beyond that the older half is forgotten early.
    package init(at now: Timestamp, life: Milliseconds, capacity: Int) {
        (self.life, self.capacity) = (life, capacity)
        memory = Mutex(Memory(since: now))
    }

    /// Whether a name comes for the first time; from then on it does not.
    package func isNew(_ name: [UInt8], at now: Timestamp) -> Bool {
        memory.withLock { memory in
            if memory.recent.count >= capacity || now - memory.since > life {
                (memory.older, memory.recent, memory.since) = (memory.recent, [], now)
            }
            return !memory.older.contains(name) && memory.recent.insert(name).inserted
        }
    }
}
