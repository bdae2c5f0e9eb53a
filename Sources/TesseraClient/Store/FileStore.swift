import Foundations
import PlatformLibC
import Synchronization

/// A session in a file of a folder that only its owner may read; for Linux, and for command-line tools.
///
/// The file is replaced as a whole and is on the disk before the old one is gone. Several processes may use one folder.
public struct FileStore: SessionStore {
    private let folder: String
    /// For how long other writers are waited for, each of which needs moments.
    private let writeWait: Duration

    private var path: String { folder + "/session.json" }

    /// Uses a folder, which is made where it is missing.
    ///
    /// - Parameter folder: its path; only this user may have access to it.
    /// - Throws: ``StoreError`` where it cannot be made, belongs to another user, or others have access to it.
    public init(folder: String) throws(StoreError) { try self.init(folder: folder, writeWait: .seconds(10)) }

    init(folder: String, writeWait: Duration) throws(StoreError) {
        self.writeWait = writeWait
        self.folder = folder.hasSuffix("/") && folder.count > 1 ? String(folder.dropLast()) : folder
        try Self.make(self.folder)
        let descriptor = PlatformLibC.open(self.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("cannot be opened", self.folder) }
        defer { close(descriptor) }
        _ = try Self.judged(descriptor, self.folder, advice: "chmod 700")
    }

    /// The folder for an application below `XDG_STATE_HOME`, or `~/.local/state`.
    ///
    /// - Parameter application: a name without slashes, such as `com.example.notes`.
    /// - Throws: ``StoreError`` where neither is set, or the folder cannot be used.
    public static func standard(application: String) throws(StoreError) -> FileStore {
        guard !application.isEmpty, !application.contains("/"), application != ".", application != ".." else {
            throw StoreError("the name of an application is a name such as com.example.notes")
        }
        let state = environment("XDG_STATE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
        guard let base = state ?? environment("HOME").map({ $0 + "/.local/state" }) else {
            throw StoreError("neither XDG_STATE_HOME nor HOME says where a session is kept")
        }
        return try FileStore(folder: base + "/" + application)
    }

    public func read() async throws(StoreError) -> StoredSession { try contents() }

    public func update(_ change: @Sendable (StoredSession) -> StoredSession?) async throws(StoreError) -> StoredSession
    {
        let lock = await writeLock()
        defer { lock?.release() }
        let kept = try contents()
        guard var next = change(kept) else { return kept }
        next.revision = kept.revision &+ 1
        try replace(with: next.bytes, isAlone: lock != nil)
        return next
    }

    public func tryRefreshLock() throws(StoreError) -> (any RefreshLock)? {
        try FileLock.taken(folder + "/refresh.lock")
    }

    /// Waits for other writers; one that was stopped is not waited for for ever.
    private func writeLock() async -> FileLock? {
        let end = MonotonicTime.present + writeWait
        repeat {
            do throws(StoreError) {
                if let lock = try FileLock.taken(folder + "/write.lock") { return lock }
            } catch { return nil }
            try? await Task.sleep(for: .milliseconds(2))
        } while MonotonicTime.present < end
        return nil
    }
}

// MARK: - The file

extension FileStore {
    /// How many bytes a record may have.
    private static let limit = 1 << 20

    private func contents() throws(StoreError) -> StoredSession {
        let descriptor = PlatformLibC.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return StoredSession() }
            throw Self.failure("cannot be opened", path)
        }
        defer { close(descriptor) }
        let status = try Self.judged(descriptor, path, advice: "chmod 600")
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.limit else {
            throw StoreError("\(path) is no file of a session; move it away")
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = PlatformLibC.read(descriptor, &part, part.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure("cannot be read", path)
            }
            bytes += part.prefix(count)
            guard bytes.count <= Self.limit else { throw StoreError("\(path) is no file of a session; move it away") }
        }
        return try StoredSession(bytes: bytes)
    }

    /// A writer that is alone uses one name, so that what a killed process left is written over.
    private func replace(with bytes: [UInt8], isAlone: Bool) throws(StoreError) {
        let temporary = folder + (isAlone ? "/session.new" : "/session.\(getpid()).\(TemporaryNames.next()).new")
        if isAlone { unlink(temporary) }
        let descriptor = PlatformLibC.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("cannot be made", temporary) }
        var isWritten = Self.writeAll(bytes, descriptor) && fsync(descriptor) == 0
        let reason = errno
        isWritten = close(descriptor) == 0 && isWritten
        guard isWritten, rename(temporary, path) == 0 else {
            let final = isWritten ? errno : reason
            unlink(temporary)
            errno = final
            throw Self.failure("cannot be written", path)
        }
        let parent = PlatformLibC.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { PlatformLibC.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Refuses what belongs to another user or is open to others.
    private static func judged(_ descriptor: Int32, _ path: String, advice: String) throws(StoreError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot be examined", path) }
        guard status.st_uid == geteuid() else { throw StoreError("\(path) belongs to another user; move it away") }
        guard status.st_mode & 0o077 == 0 else { throw StoreError("others may read \(path); run \(advice) on it") }
        return status
    }

    private static func make(_ folder: String) throws(StoreError) {
        if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let end = folder.lastIndex(of: "/"), end > folder.startIndex else {
            throw failure("cannot be made", folder)
        }
        try make(String(folder[..<end]))
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure("cannot be made", folder) }
    }

    private static func failure(_ what: String, _ path: String) -> StoreError {
        let reason = errno
        return StoreError("\(path) \(what): \(String(cString: strerror(reason)))")
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// Numbers the temporary files of writers that had to do without the lock.
private enum TemporaryNames {
    private static let count = Atomic<UInt64>(0)

    static func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// An exclusive lock on a file, which the kernel frees when the process ends.
final class FileLock: RefreshLock {
    private let descriptor: Mutex<Int32?>

    private init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    /// Takes the lock if it is free.
    ///
    /// - Throws: ``StoreError`` where the file cannot be opened, or its file system has no locks.
    static func taken(_ path: String) throws(StoreError) -> FileLock? {
        let descriptor = PlatformLibC.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError("\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor) }
        let reason = errno
        close(descriptor)
        if reason == EWOULDBLOCK || reason == EINTR { return nil }
        throw StoreError("\(path) cannot be locked: \(String(cString: strerror(reason)))")
    }

    func release() {
        descriptor.withLock { held in
            if let held { close(held) }
            held = nil
        }
    }

    deinit { release() }
}
