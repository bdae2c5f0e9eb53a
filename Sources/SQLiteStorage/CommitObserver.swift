import Synchronization

/// Passes the size and the time of each commit on.
package final class CommitObserver: Sendable {
    /// Gets how many writes a commit had, and the time of its transaction; it must not wait.
    package typealias Note = @Sendable (_ writes: Int, _ duration: Duration) -> Void

    private let note = Mutex<Note?>(nil)

    /// Sets what gets each commit from now on.
    package func observe(_ note: @escaping Note) { self.note.withLock { $0 = note } }

    func note(_ writes: Int, _ duration: Duration) { note.withLock(\.self)?(writes, duration) }
}
