import SessionEngine
import Synchronization

/// Up to where the entries of each app's audit log can be chained as soon as the transactions have ended that had begun
/// when this was noted.
///
/// A number is given before its transaction ends, so an entry may become visible after one with a larger number. What
/// has a number up to the newest one that was visible then was written by a transaction that had begun then.
final class ChainHorizons: Sendable {
    /// What was seen at one moment.
    struct Horizon: Sendable {
        /// The newest number.
        var newest: Int64
        /// The number of the first transaction that had not begun.
        var transaction: Int64
    }

    private let noted = Mutex<[AppID: Horizon]>([:])

    /// The number up to which entries can be chained now; notes what is seen now where there is none.
    ///
    /// - Parameters:
    ///   - app: whose audit log.
    ///   - last: the last number that is chained.
    ///   - seen: what is seen now.
    ///   - oldest: the number of the oldest transaction that has not ended.
    func end(of app: AppID, after last: Int64, _ seen: Horizon, oldest: Int64) -> Int64? {
        noted.withLock { noted in
            guard let known = noted[app], known.newest > last else {
                noted[app] = seen
                return nil
            }
            return oldest >= known.transaction ? known.newest : nil
        }
    }

    /// Forgets what was noted, because another process chains.
    func forget(_ app: AppID) { noted.withLock { $0[app] = nil } }
}
