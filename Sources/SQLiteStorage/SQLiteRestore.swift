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

    /// Works on a data folder, on which no core may run.
    public init(folder: String) {
        self.folder = folder
        path = "\(folder)/\(SQLiteDatabase.fileName)"
    }

    /// Replaces the database by a copy.
    ///
    /// - Parameters:
    ///   - copy: the database's file, with its `-wal` file beside it if it has one, or a data folder.
    ///   - order: what else to do.
    /// - Throws: `StorageError`; then nothing was changed.
    public func run(from copy: String, _ order: RestoreOrder) throws(StorageError) -> RestoreReport {
        try FilePermissions.createPrivateFolder(folder)
        let lock = try FileLock(path: "\(path).lock")
        defer { withExtendedLifetime(lock) {} }
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
        let lock = try FileLock(path: "\(path).lock")
        defer { withExtendedLifetime(lock) {} }
        return try mark(path, order, after: 0)
    }

    /// The restore number of the database that is replaced, whose log is written back into it on the way; 0 if it cannot
    /// be read.
    private func presentNumber() throws(StorageError) -> UInt8 {
        guard FileManager.default.fileExists(atPath: path) else { return 0 }
        guard let connection = try? SQLiteConnection(path: path, access: .readWrite) else { return 0 }
        _ = try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (try? Self.number(on: connection)) ?? 0
    }

    private static func number(on connection: SQLiteConnection) throws(StorageError) -> UInt8 {
        let name: [SQLiteValue] = [.text(AppID.public.rawValue), .text(StoredValueName.restoreNumber.rawValue)]
        return try StoredValueName.restoreNumber(
            connection.query(Statement.selectValue, name) { $0.text(0) }.first)
    }

    /// Copies the files and looks whether they are a whole database of this program.
    private func stage(_ copy: String, at staging: String) throws(StorageError) {
        var isFolder: Bool { (try? FileManager.default.contentsOfDirectory(atPath: copy)) != nil }
        let source = isFolder ? "\(copy)/\(SQLiteDatabase.fileName)" : copy
        guard FileManager.default.fileExists(atPath: source) else {
            throw StorageError(.unavailable, "there is no copy at \(source)")
        }
        Self.remove(staging)
        do {
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: source + suffix) {
                let data = try Data(contentsOf: URL(filePath: source + suffix), options: .mappedIfSafe)
                try FilePermissions.preparePrivateFile(staging + suffix)
                try data.write(to: URL(filePath: staging + suffix))
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: staging + suffix)
            }
        } catch let error as StorageError {
            throw error
        } catch {
            Self.remove(staging)
            throw StorageError(.unavailable, "\(source) cannot be copied to \(staging): \(error)")
        }
        do throws(StorageError) { try examine(staging, source) } catch {
            Self.remove(staging)
            throw error
        }
    }

    private func examine(_ staging: String, _ source: String) throws(StorageError) {
        let connection = try SQLiteConnection(path: staging, access: .readWrite)
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('session_info', 'schema_migrations')"
        guard try connection.query(tables, row: { $0.integer(0) }) == [2] else {
            throw StorageError(.corrupt, "\(source) is no database of Tessera")
        }
        let faults = try connection.query("PRAGMA integrity_check") { $0.text(0) }
        guard faults == ["ok"] else {
            throw StorageError(.corrupt, "\(source) is damaged: \(faults.first ?? "no answer")")
        }
    }

    /// Everything that a restore writes, in one transaction; afterwards the file is whole by itself.
    private func mark(
        _ file: String, _ order: RestoreOrder, after present: UInt8
    ) throws(StorageError) -> RestoreReport {
        let connection = try SQLiteConnection(path: file, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL")
        try Migration.run(on: connection)
        let number = try RestoreOrder.number(after: [try Self.number(on: connection), present])
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            let writing = SQLiteRestoreTransaction(connection: connection, number: number, order: order)
            let report = try writing.run()
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
            for suffix in ["-wal", "-shm"] where files.fileExists(atPath: path + suffix) {
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
        try connection.run("INSERT OR REPLACE INTO key_value (app_id, name, value) VALUES (?,?,?)", name)
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
        let owner = try connection.query(Statement.deleteSession, [.text(app.rawValue), .text(handle.rawValue)]) {
            (TenantID($0.text(0)), UserID($0.text(1)))
        }
        guard let (tenant, user) = owner.first else { return 0 }
        try note(.revoked(handle, tenant: tenant, user: user, order.revocation), app)
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
