package import SessionStorage

/// Whether a data folder has a whole database, looked at without changing anything.
package enum SQLiteExamination {
    /// Reads the database of a data folder from its first to its last page.
    ///
    /// A core may run on it. Where none does and there is no log, the file is read as one that does not change: SQLite
    /// would put an empty log beside it otherwise, which a later start would take for the one that was lost.
    ///
    /// - Parameter folder: the data folder.
    /// - Returns: what it is in a few words; `nil` where there is no database.
    /// - Throws: `StorageError` that says what is wrong.
    package static func examine(_ folder: String) throws(StorageError) -> String? {
        let path = "\(DataFolder.withoutEnd(folder))/\(SQLiteDatabase.fileName)"
        for suffix in ["", "-wal", "-shm", "-journal"] { try PrivateFile.judge(path + suffix) }
        guard StoreJudgement.exists(path) else { return nil }
        let isInUse = SQLiteDatabase.isInUse(folder: folder)
        let hasLog = StoreJudgement.exists(path + "-wal")
        let connection = try SQLiteConnection(path: path, access: hasLog || isInUse ? .readOnly : .unchanging)
        defer { connection.close() }
        try StoreJudgement.judgeContents(of: path, on: connection)
        let faults = try connection.query("PRAGMA quick_check(3)") { $0.text(0) }
        guard faults == ["ok"] else {
            throw StorageError(.corrupt, "\(path) is damaged: \(faults.first ?? "no answer")")
        }
        guard try Migration.isDone(on: connection) else {
            return "\(path), of another release: a start brings it up to date, or refuses a newer one"
        }
        if try StoreMark(on: connection).isOpen, !hasLog, !isInUse {
            throw StorageError(
                .misconfigured, "\(path) lacks the log \(path)-wal, which has the newest sessions and keys")
        }
        return "\(path), whole\(isInUse ? ", in use" : "")"
    }
}
