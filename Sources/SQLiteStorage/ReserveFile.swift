import PlatformLibC
import SessionStorage
import Synchronization

/// A file beside the database that holds nothing but room on the disk.
///
/// It is given back in parts, so that whatever else fills the disk gets one part at most before the next vital write.
final class ReserveFile: Sendable {
    private struct State {
        var descriptor: Int32?
        var kept: Int
    }

    /// The name of the file in the data folder.
    static let fileName = "tessera.reserve"

    /// How large the file is: twice SQLite's log, which is written back into the database once it has 1,000 pages (4 MiB).
    ///
    /// A log that is full of new pages, the group of writes that went over the limit and the first vital writes fit in.
    static let usualSize = 8 << 20

    /// How often something can be given back.
    static let parts = 4

    private let path: String
    /// How large it is when it is whole.
    let size: Int
    private let state: Mutex<State>

    /// Opens the file, or makes an empty one; with no room even for that it is made later.
    ///
    /// - Throws: ``StorageError`` when the file is not one of ours: it would be truncated, whatever is in it.
    init(path: String, size: Int) throws(StorageError) {
        self.path = path
        self.size = size
        let descriptor = try Self.open(path)
        let found = descriptor.flatMap { Self.status(of: $0) }.map { Int($0.st_size) } ?? 0
        state = Mutex(State(descriptor: descriptor, kept: min(found, size)))
    }

    deinit {
        if let descriptor = state.withLock(\.descriptor) { close(descriptor) }
    }

    /// How many bytes of it the disk has no room for.
    var missing: Int { size - state.withLock(\.kept) }

    /// Whether nothing of it is missing.
    var isWhole: Bool { missing == 0 }

    /// How large the file of a folder is: on a very small disk it does not take more than a quarter.
    static func size(in folder: String) -> Int {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return usualSize }
        let disk = Int(clamping: UInt64(status.f_blocks)).multipliedReportingOverflow(by: Int(status.f_frsize))
        return disk.overflow ? usualSize : min(usualSize, disk.partialValue / 4)
    }

    /// Takes the room for the whole file.
    ///
    /// - Returns: whether there is that much; otherwise the file is what it was.
    @discardableResult
    func fill() -> Bool {
        state.withLock { state in
            if state.descriptor == nil { state.descriptor = (try? Self.open(path)) ?? nil }
            guard let descriptor = state.descriptor else { return false }
            if Self.allocate(size, for: descriptor) { state.kept = size }
            return ftruncate(descriptor, off_t(state.kept)) == 0 && state.kept == size
        }
    }

    /// Gives one part back to the disk.
    ///
    /// - Returns: whether there was one.
    func shrink() -> Bool {
        state.withLock { state in
            guard let descriptor = state.descriptor, state.kept > 0 else { return false }
            let rest = max(0, state.kept - (size + Self.parts - 1) / Self.parts)
            guard ftruncate(descriptor, off_t(rest)) == 0 else { return false }
            state.kept = rest
            return true
        }
    }

    private static func open(_ path: String) throws(StorageError) -> Int32? {
        do throws(StorageError) {
            return try PrivateFile.open(path, .made)
        } catch {
            if error.code == .full { return nil }
            throw error
        }
    }

    private static func status(of descriptor: Int32) -> stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }
}

extension ReserveFile {
    /// Makes the disk give room for a file's first bytes, not only a length.
    private static func allocate(_ size: Int, for descriptor: Int32) -> Bool {
        #if !canImport(Darwin)
            switch posix_fallocate(descriptor, 0, off_t(size)) {
            case 0: return true
            case EOPNOTSUPP, EINVAL: break
            default: return false
            }
        #endif
        let zeros = [UInt8](repeating: 0, count: 64 << 10)
        var offset = 0
        while offset < size {
            let count = pwrite(descriptor, zeros, min(zeros.count, size - offset), off_t(offset))
            guard count > 0 else { return false }
            offset += count
        }
        return fsync(descriptor) == 0
    }
}
