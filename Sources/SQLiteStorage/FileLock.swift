import PlatformLibC
import SessionStorage

/// The claim of one process on one database file, kept until the value is gone or the process is, however it ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the claim.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/inUse`` when another process has it; the detail names it.
    init(path: String) throws(StorageError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError(.unavailable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let owner = Self.owner(of: descriptor)
            close(descriptor)
            throw StorageError(.inUse, "another process\(owner) has \(path); stop it or choose another data folder")
        }
        self.descriptor = descriptor
        let text = "\(getpid())\n"
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.utf8.count, 0) }
    }

    deinit {
        // A process that is being started may have a copy of the descriptor for a moment: closing ours would not do.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func owner(of descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return Int(text.prefix { $0.isNumber }).map { " (process \($0))" } ?? ""
    }
}

/// The permissions of files that hold secrets (docs/specification/security.md K08).
enum FilePermissions {
    /// Creates a folder that only its owner may enter, with the folders above it, unless it exists.
    static func createPrivateFolder(_ path: String) throws(StorageError) {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { return }
            throw StorageError(.unavailable, "\(path) is not a folder")
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try createPrivateFolder(String(path[..<slash]))
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StorageError(.unavailable, "cannot create the folder \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Creates a file that only its owner may read, or checks that an existing one is so.
    static func preparePrivateFile(_ path: String) throws(StorageError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StorageError(.unavailable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw StorageError(.unavailable, "\(path) holds secrets and others may read it; run: chmod 600 \(path)")
        }
    }
}
