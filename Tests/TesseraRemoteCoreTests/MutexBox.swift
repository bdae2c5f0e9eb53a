import Synchronization

/// A number behind a lock.
final class MutexBox: Sendable {
    private let state: Mutex<Int>

    init(_ start: Int) {
        state = Mutex(start)
    }

    var value: Int { state.withLock { $0 } }

    func next() -> Int {
        state.withLock {
            $0 += 1
            return $0
        }
    }
}
