import CTesseraSQLite
import Foundations
import LosslessJSON
import PlatformLibC
public import SessionEngine
public import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Copies the database of a data folder into one whole file, while a core runs on it or not.
///
/// The copy is of one moment, whatever is written meanwhile; it is examined, durable and its owner's alone before it has
/// its name.
public struct SQLiteBackup: Sendable {
    /// Pages that are copied between two reports.
    private static let step: Int32 = 1_024

    private let source: String

    /// Reads the database of a data folder.
    public init(folder: String) {
        source = "\(DataFolder.withoutEnd(folder))/\(SQLiteDatabase.fileName)"
    }

    /// Makes a backup.
    ///
    /// - Parameters:
    ///   - target: the file to make, and its manifest beside it.
    ///   - overwrites: whether a file of that name is replaced.
    ///   - time: when it is taken.
    ///   - release: what takes it.
    ///   - progress: receives how many of how many pages are copied.
    /// - Throws: `StorageError`; then what was there under the name is still there.
    public func run(
        to target: String, overwrites: Bool = false, at time: Timestamp, release: String,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws(StorageError) -> BackupManifest {
        try judge(target, overwrites)
        let partial = "\(target).partial"
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(partial + suffix) }
        close(try PrivateFile.open(partial, .new))
        do throws(StorageError) {
            try copy(to: partial, progress)
            let manifest = try examine(partial, time, release)
            try name(partial, target, manifest)
            return manifest
        } catch {
            unlink(partial)
            throw error
        }
    }

    private func judge(_ target: String, _ overwrites: Bool) throws(StorageError) {
        let (files, manifest) = (FileManager.default, BackupManifest.path(of: target))
        guard files.fileExists(atPath: source) else {
            throw StorageError(.unavailable, "there is no database \(source); name the core's folder with --data-dir")
        }
        try PrivateFile.judge(source)
        var (own, other) = (stat(), stat())
        guard lstat(target, &other) == 0 || files.fileExists(atPath: manifest) else { return }
        guard overwrites else {
            throw StorageError(.alreadyExists, "\(target) exists; name another file, or add --overwrite")
        }
        guard lstat(target, &other) == 0, stat(source, &own) == 0 else { return }
        guard other.st_mode & S_IFMT == S_IFREG, (own.st_dev, own.st_ino) != (other.st_dev, other.st_ino) else {
            throw StorageError(.unavailable, "\(target) is no backup and is not overwritten; name another file")
        }
    }

    /// Copies in parts, all of them from the state that the first read sees.
    private func copy(to partial: String, _ progress: (Int, Int) -> Void) throws(StorageError) {
        let (reader, writer) = (
            try SQLiteConnection(path: source, access: .readOnly),
            try SQLiteConnection(path: partial, access: .readWrite)
        )
        try reader.execute("BEGIN")
        try StoreJudgement.judgeContents(of: source, on: reader)
        try writer.takeCopy(of: reader, pages: Self.step, progress)
        try reader.execute("COMMIT")
    }

    /// Makes the copy one file that says so, and looks whether it is sound.
    private func examine(
        _ partial: String, _ time: Timestamp, _ release: String
    ) throws(StorageError) -> BackupManifest {
        var manifest = try describe(partial, time, release)
        let descriptor = try PrivateFile.open(partial, .existing)
        defer { close(descriptor) }
        try PrivateFile.synchronize(descriptor, partial)
        var status = stat()
        if fstat(descriptor, &status) == 0 { manifest.bytes = Int64(status.st_size) }
        manifest.sha256 = try BackupManifest.digest(of: partial)
        return manifest
    }

    private func describe(
        _ partial: String, _ time: Timestamp, _ release: String
    ) throws(StorageError) -> BackupManifest {
        let connection = try SQLiteConnection(path: partial, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL")
        let faults = try connection.query("PRAGMA integrity_check") { $0.text(0) }
        guard faults == ["ok"] else {
            throw StorageError(.corrupt, "\(source) is damaged: \(faults.first ?? "no answer")")
        }
        var mark = try StoreMark(on: connection)
        mark.isOpen = false
        try mark.write(on: connection)
        let steps = try connection.query("SELECT max(name) FROM schema_migrations") { $0.text(0) }
        let sequences = try connection.query("SELECT app_id, max(sequence) FROM audit_trail GROUP BY app_id") {
            (AppID($0.text(0)), $0.integer(1))
        }
        return BackupManifest(
            sha256: "", bytes: 0, takenAt: time, release: release, restoreNumber: try connection.restoreNumber(),
            schema: steps.first ?? "", lastSequences: Dictionary(sequences) { first, _ in first })
    }

    /// Gives the copy its name, and puts its manifest beside it.
    private func name(_ partial: String, _ target: String, _ manifest: BackupManifest) throws(StorageError) {
        let (path, folder) = (BackupManifest.path(of: target), URL(filePath: target).deletingLastPathComponent().path)
        unlink(path)
        guard rename(partial, target) == 0 else {
            throw StorageError(.unavailable, "cannot name \(target): \(String(cString: strerror(errno)))")
        }
        let descriptor = try PrivateFile.open(path, .new)
        defer { close(descriptor) }
        let text = manifest.json.text + "\n"
        var failure: StorageError?
        Array(text.utf8).withUnsafeBytes { bytes in
            do throws(StorageError) { try PrivateFile.write(bytes, to: descriptor, path) } catch { failure = error }
        }
        if let failure { throw failure }
        try PrivateFile.synchronize(descriptor, path)
        PrivateFile.synchronize(folder: folder)
    }
}

extension SQLiteConnection {
    /// How often the store was restored.
    func restoreNumber() throws(StorageError) -> UInt8 {
        let name: [SQLiteValue] = [.text(AppID.public.rawValue), .text(StoredValueName.restoreNumber.rawValue)]
        return try StoredValueName.restoreNumber(query(Statement.selectValue, name) { $0.text(0) }.first)
    }
}
