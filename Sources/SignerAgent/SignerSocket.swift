package import PlatformLibC

/// The Unix socket at which an agent listens.
package struct SignerSocket: Sendable {
    /// The listening socket.
    package let descriptor: Int32
    /// Its path and its number there; `nil` for one of a service manager.
    private let place: (path: String, node: UInt64)?
    /// Held for as long as the socket is there, so that of two signers that start at one moment one gives way.
    private let lock: FileLock?

    /// Listens at a path; a socket of an agent that has ended is replaced.
    ///
    /// - Parameters:
    ///   - path: where.
    ///   - group: the group that may connect beside the user; `nil` for none.
    /// - Throws: ``VaultError`` where it is not possible.
    package init(at path: String, group: gid_t?) throws(VaultError) {
        guard path.utf8.count <= UnixAddress.longestPath else {
            throw VaultError("\(path) is longer than the \(UnixAddress.longestPath) bytes of a socket's path")
        }
        lock = try FileLock(path + ".lock", of: path)
        guard let descriptor = UnixAddress.socket() else {
            throw VaultError("no socket can be made: \(String(cString: strerror(errno)))")
        }
        do throws(VaultError) { place = try Self.listen(descriptor, at: path, group) } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    /// Binds a socket and listens: no one can connect before that, and until then it gets its mode and its group.
    private static func listen(
        _ descriptor: Int32, at path: String, _ group: gid_t?
    ) throws(VaultError) -> (path: String, node: UInt64)? {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        try clear(path)
        var status = stat()
        guard UnixAddress.with(path, { bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0 else {
            throw VaultError("cannot listen at \(path): \(String(cString: strerror(errno)))")
        }
        if let group {
            // A service manager that starts it in that group may forbid chown(2).
            let isOfGroup = lstat(path, &status) == 0 && status.st_gid == group
            guard isOfGroup || chown(path, uid_t.max, group) == 0, chmod(path, 0o660) == 0 else {
                throw VaultError("\(path) cannot be given to the group: \(String(cString: strerror(errno)))")
            }
        }
        let place = lstat(path, &status) == 0 ? (path, UInt64(status.st_ino)) : nil
        guard PlatformLibC.listen(descriptor, 64) == 0 else {
            throw VaultError("cannot listen at \(path): \(String(cString: strerror(errno)))")
        }
        return place
    }

    /// Removes the socket of an agent that has ended.
    private static func clear(_ path: String) throws(VaultError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw VaultError("\(path) is there and is no socket") }
        if UnixConnection.isListening(at: path) {
            throw VaultError("another process listens at \(path)", isPassing: true)
        }
        unlink(path)
    }

    /// Removes the socket, unless another one is at its path by now; one of a service manager stays.
    package func remove() {
        var status = stat()
        if let place, lstat(place.path, &status) == 0, UInt64(status.st_ino) == place.node { unlink(place.path) }
    }

    /// Takes the socket that a service manager has opened (sd_listen_fds(3)); `nil` where it has opened none.
    package static func inherited() -> SignerSocket? {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        guard variable("LISTEN_FDS") == "1", variable("LISTEN_PID").flatMap({ Int32($0) }) == getpid() else {
            return nil
        }
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) }
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        // accept(2) is to wait.
        _ = fcntl(3, F_SETFL, fcntl(3, F_GETFL) & ~O_NONBLOCK)
        return SignerSocket(descriptor: 3)
    }

    private init(descriptor: Int32) { (self.descriptor, place, lock) = (descriptor, nil, nil) }
}
