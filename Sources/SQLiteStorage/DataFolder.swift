import PlatformLibC
import SessionStorage

/// A data folder that this process has alone, until the value is gone or the process is, however it ends.
///
/// Both the folder and the lock file in it are locked: a lock file that was removed and made again admits no second process.
final class DataFolder: Sendable {
    /// Where it is, without a slash at its end.
    let path: String
    private let folder: Int32
    private let lock: Int32

    /// Where the database is.
    var database: String { "\(path)/\(SQLiteDatabase.fileName)" }

    /// Makes the folder where it is missing, judges it, and takes it.
    ///
    /// - Throws: ``StorageError``; with ``StorageError/Code/inUse`` when another process has it, which the detail names.
    init(_ named: String) throws(StorageError) {
        path = Self.withoutEnd(named)
        try Self.create(path)
        folder = try Self.open(path)
        let lockPath = "\(path)/\(SQLiteDatabase.fileName).lock"
        do throws(StorageError) {
            lock = try PrivateFile.open(lockPath, .made)
        } catch {
            close(folder)
            throw error
        }
        guard Self.take(folder), Self.take(lock) else {
            // Nothing is closed here: all properties have values, so that `deinit` runs. A descriptor that is closed twice
            // may be another thread's by then.
            let owner = Self.owner(of: lock)
            throw StorageError(.inUse, "another process\(owner) has \(lockPath); stop it or choose another data folder")
        }
        let text = "\(getpid())\n"
        if ftruncate(lock, 0) == 0 { _ = pwrite(lock, text, text.utf8.count, 0) }
    }

    deinit {
        // A process that is being started may have copies of the descriptors for a moment: closing ours would not do.
        // The lock file last: a process that finds it free can take both.
        for descriptor in [folder, lock] {
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
    }

    /// Whether another process has a folder.
    static func isTaken(_ named: String) -> Bool {
        let lock = PlatformLibC.open(
            "\(withoutEnd(named))/\(SQLiteDatabase.fileName).lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard lock >= 0 else { return false }
        defer { close(lock) }
        return flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// What has to stay where it is while the folder is in use; the files of the database are there by now.
    var watch: FolderWatch {
        let files = ["", "-wal", "-shm", ".lock"].map { database + $0 }
        return FolderWatch([path] + files)
    }

    /// Whether this process alone has a file or folder from now on; on a file system without such locks every process has it.
    private static func take(_ descriptor: Int32) -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    }

    private static func owner(of descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return Int(text.prefix { $0.isNumber }).map { " (process \($0))" } ?? ""
    }
}

extension DataFolder {
    /// A path whose last part is the folder's own name: a link with a slash behind it would be followed.
    static func withoutEnd(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") || path.hasSuffix("/.") { path.removeLast() }
        return path.isEmpty ? "." : path
    }

    /// Creates a folder that only its owner may enter, with the folders above it, unless it exists.
    static func create(_ path: String) throws(StorageError) {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { return }
            throw StorageError(.unavailable, "\(path) is not a folder")
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try create(String(path[..<slash])) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StorageError(.unavailable, "cannot create the folder \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Opens a folder after it was judged: no link, of this user, and no other user may change names in it.
    ///
    /// Links above it are followed: a user who can lay those owns the machine, or the folder that has the data folder in it.
    private static func open(_ path: String) throws(StorageError) -> Int32 {
        let descriptor = PlatformLibC.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        let reason = errno
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else { throw cannotOpen(path, reason) }
        do throws(StorageError) {
            try PrivateFile.judgeOwner(status, path)
            guard status.st_mode & 0o022 == 0 else { throw loose(path, status) }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func loose(_ path: String, _ status: stat) -> StorageError {
        let mode = String(status.st_mode & 0o7777, radix: 8)
        return StorageError(
            .unavailable,
            "other users may remove and replace files in \(path) (mode 0\(mode)); run: chmod 700 \(path) - or, where the "
                + "folder has to be shared, name one in it: \(path)/tessera")
    }

    private static func cannotOpen(_ path: String, _ reason: Int32) -> StorageError {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
            return StorageError(.unavailable, "cannot open the folder \(path): \(String(cString: strerror(reason)))")
        }
        let target = realpath(path, nil)
        defer { free(target) }
        let name = target.map { String(cString: $0) } ?? "the folder itself"
        return StorageError(.unavailable, "\(path) is a symbolic link; name what it leads to: \(name)")
    }
}

/// Notices that files were removed or replaced while a process works on them: what it writes then is nowhere.
///
/// A look costs a few system calls.
struct FolderWatch: Sendable {
    private struct Identity: Equatable {
        let device: UInt64
        let number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    private let watched: [(path: String, identity: Identity)]

    /// Remembers which files have these names now; names that no file has are left out.
    init(_ paths: [String]) {
        watched = paths.compactMap { path in Identity(path).map { (path, $0) } }
    }

    /// What is wrong now; `nil` when everything is where it was.
    var problem: String? {
        guard let lost = watched.first(where: { Identity($0.path) != $0.identity }) else { return nil }
        let what = Identity(lost.path) == nil ? "was removed" : "was replaced by another"
        return
            "\(lost.path) \(what) while this core runs: nothing is written any more, because it would be lost; put it "
            + "back if you have it, else stop the core and restore a backup (docs/backup.md)"
    }
}
