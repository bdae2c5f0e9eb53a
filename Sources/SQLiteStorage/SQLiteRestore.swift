import SessionEngine
public import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Restores a copy of a database, or marks a restored one, so that tokens that are newer than it accuse no one
/// (docs/decisions/0019, "Restore").
///
/// A copy is prepared beside the database and takes its place at the very end: what was there before stays until then, and
/// is kept under another name.
public struct SQLiteRestore: Sendable {
    private let folder: String
    private let path: String

    private let acceptsMissingLog: Bool

    /// Works on a data folder, on which no core may run.
    ///
    /// - Parameters:
    ///   - folder: the data folder.
    ///   - acceptsMissingLog: whether a database is taken that was copied while a core ran and lacks its log.
    public init(folder: String, acceptsMissingLog: Bool = false) {
        self.folder = DataFolder.withoutEnd(folder)
        self.acceptsMissingLog = acceptsMissingLog
        path = "\(self.folder)/\(SQLiteDatabase.fileName)"
    }

    /// Replaces the database by a copy.
    ///
    /// - Parameters:
    ///   - copy: the database's file, with its `-wal` file beside it if it has one, or a data folder.
    ///   - order: what else to do.
    /// - Throws: `StorageError`; then nothing was changed.
    public func run(from copy: String, _ order: RestoreOrder) throws(StorageError) -> RestoreReport {
        let place = try DataFolder(folder)
        defer { withExtendedLifetime(place) {} }
        let staging = "\(path).restoring"
        try stage(copy, at: staging)
        var report: RestoreReport
        do throws(StorageError) {
            report = try mark(staging, order, after: try presentNumber())
        } catch {
            Self.remove(staging)
            throw error
        }
        report.replaced = try swap(staging, at: order.time)
        StoreWitness(folder: folder).remove()
        PrivateFile.synchronize(folder: folder)
        return report
    }

    /// Marks the database that is there as one that was put back from a copy.
    ///
    /// - Throws: `StorageError`; then nothing was changed.
    public func mark(_ order: RestoreOrder) throws(StorageError) -> RestoreReport {
        guard FileManager.default.fileExists(atPath: path) else {
            throw StorageError(
                .unavailable, "there is no database in \(folder); name the core's folder with --data-dir")
        }
        let place = try DataFolder(folder)
        defer { withExtendedLifetime(place) {} }
        try judge(StoreJudgement(place))
        let report = try mark(path, order, after: 0)
        StoreWitness(folder: folder).remove()
        return report
    }

    private func judge(_ judgement: StoreJudgement) throws(StorageError) {
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try judgement.judgeContents(on: connection)
        try Migration.run(on: connection)
        if !acceptsMissingLog { try judgement.judge(StoreMark(on: connection)) }
    }

    /// The restore number of the database that is replaced, whose log is written back into it on the way; 0 if it cannot
    /// be read.
    private func presentNumber() throws(StorageError) -> UInt8 {
        guard FileManager.default.fileExists(atPath: path) else { return 0 }
        guard let connection = try? SQLiteConnection(path: path, access: .readWrite) else { return 0 }
        _ = try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (try? connection.restoreNumber()) ?? 0
    }

    /// Copies the files and looks whether they are a whole database of this program.
    private func stage(_ copy: String, at staging: String) throws(StorageError) {
        var isFolder: Bool { (try? FileManager.default.contentsOfDirectory(atPath: copy)) != nil }
        let source = isFolder ? "\(copy)/\(SQLiteDatabase.fileName)" : copy
        guard FileManager.default.fileExists(atPath: source) else {
            throw StorageError(.unavailable, "there is no copy at \(source)")
        }
        try BackupManifest.judge(source)
        Self.remove(staging)
        do throws(StorageError) {
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: source + suffix) {
                try PrivateFile.copy(source + suffix, to: staging + suffix)
            }
            try examine(staging, source)
        } catch {
            Self.remove(staging)
            throw error
        }
    }

    private func examine(_ staging: String, _ source: String) throws(StorageError) {
        let connection = try SQLiteConnection(path: staging, access: .readWrite)
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('session_info', 'schema_migrations')"
        guard try connection.query(tables, row: { $0.integer(0) }) == [2] else {
            throw StorageError(
                .corrupt, "\(source) is no database of Tessera, or was copied without its log \(source)-wal")
        }
        let faults = try connection.query("PRAGMA integrity_check") { $0.text(0) }
        guard faults == ["ok"] else {
            throw StorageError(.corrupt, "\(source) is damaged: \(faults.first ?? "no answer")")
        }
        if acceptsMissingLog || FileManager.default.fileExists(atPath: source + "-wal") { return }
        guard try StoreMark(on: connection).isOpen else { return }
        throw StorageError(
            .misconfigured,
            "\(source) was copied while a core ran, and without its log \(source)-wal, which has the newest sessions and "
                + "keys: put the log beside it, or add --accept-missing-log")
    }

    /// Everything that a restore writes, in one transaction; afterwards the file is whole by itself.
    private func mark(
        _ file: String, _ order: RestoreOrder, after present: UInt8
    ) throws(StorageError) -> RestoreReport {
        let connection = try SQLiteConnection(path: file, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL")
        try Migration.run(on: connection)
        let number = try RestoreOrder.number(after: [try connection.restoreNumber(), present])
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            let writing = SQLiteRestoreTransaction(connection: connection, number: number, order: order)
            let report = try writing.run()
            var mark = try StoreMark(on: connection).counting()
            (mark.isOpen, mark.store) = (false, mark.store ?? StoreMark.newStore())
            try mark.write(on: connection)
            try connection.execute("COMMIT")
            return report
        } catch {
            _ = try? connection.execute("ROLLBACK")
            throw error
        }
    }

    /// Gives the prepared copy the database's name, and says where the old one is.
    private func swap(_ staging: String, at time: Timestamp) throws(StorageError) -> String? {
        let files = FileManager.default
        let old = "\(path).replaced-\(time.milliseconds)"
        do {
            let hasOld = files.fileExists(atPath: path)
            if hasOld { try files.moveItem(atPath: path, toPath: old) }
            for suffix in ["-wal", "-shm", "-journal"] where files.fileExists(atPath: path + suffix) {
                // Empty after the checkpoint; if the old file could not be read, they belong to it.
                try files.moveItem(atPath: path + suffix, toPath: old + suffix)
            }
            try files.moveItem(atPath: staging, toPath: path)
            return hasOld ? old : nil
        } catch {
            throw StorageError(.unavailable, "\(staging) cannot be moved to \(path): \(error)")
        }
    }

    private static func remove(_ staging: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            try? FileManager.default.removeItem(atPath: staging + suffix)
        }
    }
}

/// What a restore writes into a database.
struct SQLiteRestoreTransaction {
    let connection: SQLiteConnection
    let number: UInt8
    let order: RestoreOrder

    func run() throws(StorageError) -> RestoreReport {
        let apps = try connection.query(Self.selectApps) { AppID($0.text(0)) }
        var report = RestoreReport(number: number, ended: 0, lastSequences: [:])
        for app in apps {
            let last = try connection.query(Self.selectLastSequence, [.text(app.rawValue)]) { $0.integer(0) }.first ?? 0
            report.lastSequences[app] = last
            try note(
                .restored(number: number, lastSequence: last, at: order.time), app, RestoreOrder.firstSequence(number))
            for handle in try ended(in: app, after: last) { report.ended += try end(handle, in: app) }
        }
        let name: [SQLiteValue] = [
            .text(AppID.public.rawValue), .text(StoredValueName.restoreNumber.rawValue), .text("\(number)"),
        ]
        try connection.run(Statement.storeValue, name)
        return report
    }

    private func ended(in app: AppID, after last: Int64) throws(StorageError) -> [SessionHandle] {
        if order.endsAllSessions {
            let all = "SELECT session_handle FROM session_info WHERE app_id = ?"
            return try connection.query(all, [.text(app.rawValue)]) { SessionHandle($0.text(0)) }
        }
        var handles = order.ends.filter { $0.app == app && $0.sequence > last }.map(\.handle)
        for end in order.massEnds where end.app == app && end.sequence > last {
            let values: [SQLiteValue] = [
                .text(app.rawValue), .text(end.user.rawValue), .integer(end.createdUpTo.milliseconds),
                end.tenant.map { .text($0.rawValue) } ?? .null, .integer(.max),
            ]
            handles += try connection.query(Statement.selectCutOffHandles, values) { SessionHandle($0.text(0)) }
        }
        return handles
    }

    private func end(_ handle: SessionHandle, in app: AppID) throws(StorageError) -> Int {
        let rows = try connection.query(Statement.deleteSession, [.text(app.rawValue), .text(handle.rawValue)]) {
            EndedRow($0, handle)
        }
        guard let ended = rows.first else { return 0 }
        try note(ended.event(order.revocation), app)
        return 1
    }

    private func note(_ event: AuditEvent, _ app: AppID, _ sequence: Int64? = nil) throws(StorageError) {
        guard let sequence else {
            try connection.run(Statement.insertAudit, [.text(app.rawValue)] + event.columns)
            return
        }
        try connection.run(Statement.insertNumberedAudit, [.text(app.rawValue), .integer(sequence)] + event.columns)
    }

    private static let selectApps = """
        SELECT app_id FROM tenants UNION SELECT app_id FROM session_info UNION SELECT app_id FROM audit_trail
        """
    private static let selectLastSequence = "SELECT coalesce(max(sequence), 0) FROM audit_trail WHERE app_id = ?"
}
