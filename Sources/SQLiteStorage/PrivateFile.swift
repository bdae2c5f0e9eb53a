import PlatformLibC
import SessionStorage

/// Files that only their owner may read or change (docs/decisions/0029).
///
/// A file of a core is a regular file with one name, of the user that runs the core, and never what a symbolic link leads
/// to: a user who could lay such a link would choose what is overwritten.
enum PrivateFile {
    /// How a file is opened.
    enum Access {
        /// It has to exist, and its mode has to keep others out.
        case existing
        /// It is made where it is missing; one that is there gets the mode.
        case made
        /// It may not exist.
        case new
    }

    /// Opens a file after it was judged.
    ///
    /// - Throws: ``StorageError`` that says what to do; with ``StorageError/Code/full`` when there is no room for it.
    static func open(_ path: String, _ access: Access) throws(StorageError) -> Int32 {
        let creation =
            switch access {
            case .existing: Int32(0)
            case .made: O_CREAT
            case .new: O_CREAT | O_EXCL
            }
        let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | creation
        let descriptor = PlatformLibC.open(path, flags, 0o600)
        let reason = errno
        guard descriptor >= 0 else { throw cannotOpen(path, reason) }
        do throws(StorageError) {
            try judge(descriptor, path, mayBeLoose: access != .existing)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Looks at a file that SQLite will open by itself, if it exists.
    ///
    /// Not by a descriptor: to close one would drop SQLite's own locks on the file.
    static func judge(_ path: String) throws(StorageError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw cannotOpen(path, errno)
        }
        if status.st_mode & S_IFMT == S_IFLNK { throw cannotOpen(path, ELOOP) }
        try judge(status, path, mayBeLoose: false)
    }

    private static func judge(_ descriptor: Int32, _ path: String, mayBeLoose: Bool) throws(StorageError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw cannotOpen(path, errno) }
        try judge(status, path, mayBeLoose: mayBeLoose)
        if mayBeLoose { _ = fchmod(descriptor, 0o600) }
    }

    private static func judge(_ status: stat, _ path: String, mayBeLoose: Bool) throws(StorageError) {
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.unavailable, "\(path) is no regular file; move it away")
        }
        try judgeOwner(status, path)
        guard status.st_nlink <= 1 else {
            throw StorageError(
                .unavailable, "\(path) has a second name (a hard link); remove the other one, or move it away")
        }
        guard mayBeLoose || status.st_mode & 0o077 == 0 else {
            throw StorageError(.unavailable, "\(path) holds secrets and others may read it; run: chmod 600 \(path)")
        }
    }

    /// Throws unless a file or folder belongs to the user of this process.
    static func judgeOwner(_ status: stat, _ path: String) throws(StorageError) {
        guard status.st_uid != geteuid() else { return }
        throw StorageError(
            .unavailable,
            "\(path) belongs to user \(status.st_uid), and this process is user \(geteuid()): run it as that user, or "
                + "run: chown -R \(geteuid()) \(path)")
    }

    private static func cannotOpen(_ path: String, _ reason: Int32) -> StorageError {
        switch reason {
        case ELOOP, EMLINK:
            StorageError(.unavailable, "\(path) is a symbolic link, and none is followed there; move it away")
        case ENOSPC, EDQUOT:
            StorageError(.full, "there is no room for \(path)")
        default:
            StorageError(.unavailable, "cannot open \(path): \(String(cString: strerror(reason)))")
        }
    }

    /// Copies a file into a new one of its owner's alone, durably.
    static func copy(_ source: String, to target: String) throws(StorageError) {
        let descriptor = try open(target, .new)
        defer { close(descriptor) }
        try read(source) { (part) throws(StorageError) in try write(part, to: descriptor, target) }
        try synchronize(descriptor, target)
    }

    /// Reads a file in parts, of any owner.
    static func read(
        _ path: String, _ take: (UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        let descriptor = PlatformLibC.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw cannotOpen(path, errno) }
        defer { close(descriptor) }
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { part.deallocate() }
        while true {
            let count = PlatformLibC.read(descriptor, part.baseAddress, part.count)
            if count == 0 { return }
            if count > 0 { try take(UnsafeRawBufferPointer(rebasing: part[..<count])) }
            if count < 0, errno != EINTR {
                throw StorageError(.unavailable, "\(path) cannot be read: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Writes all of some bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws(StorageError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = PlatformLibC.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno != EINTR {
                throw cannotWrite(path, errno)
            }
        }
    }

    /// Makes what was written into a file durable.
    static func synchronize(_ descriptor: Int32, _ path: String) throws(StorageError) {
        guard fsync(descriptor) == 0 else { throw cannotWrite(path, errno) }
    }

    private static func cannotWrite(_ path: String, _ reason: Int32) -> StorageError {
        let isFull = reason == ENOSPC || reason == EDQUOT
        return StorageError(
            isFull ? .full : .unavailable, "\(path) cannot be written: \(String(cString: strerror(reason)))")
    }

    /// Makes what was written under names in a folder durable.
    static func synchronize(folder: String) {
        let descriptor = PlatformLibC.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
