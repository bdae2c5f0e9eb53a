import PlatformLibC

/// A file that one process at a time has locked.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Locks a file, which is made if it is not there.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - what: what is locked by it, for people.
    /// - Throws: ``VaultError`` where another process has it locked, or it cannot be opened.
    init(_ path: String, of what: String) throws(VaultError) {
        var opened = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        // flock(2) asks for no right to write, and a disk that has become read-only keeps no signer from its keys.
        if opened < 0, errno == EROFS || errno == EACCES { opened = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
        guard opened >= 0 else { throw VaultError("\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            close(opened)
            throw VaultError("another signer has \(what): \(path) is locked", isPassing: true)
        }
        descriptor = opened
    }

    deinit { close(descriptor) }
}
