import SessionEngine
import Synchronization

/// Where in the table the search for ended sessions continues.
final class ExpirySweep: Sendable {
    /// How many pages are looked at by one statement: 16 MiB of the usual size.
    static let slice: Int64 = 2_048
    /// How many pages are looked at by one call.
    static let most: Int64 = 16 * slice

    private let positions = Mutex<[AppID: Int64]>([:])

    /// The first page to look at; the beginning again after the end.
    func position(of app: AppID, in pages: Int64) -> Int64 {
        let position = positions.withLock { $0[app] ?? 0 }
        return position >= pages ? 0 : position
    }

    /// Goes on behind a slice.
    func move(_ app: AppID, to page: Int64) { positions.withLock { $0[app] = page } }
}
