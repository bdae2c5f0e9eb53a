/// How far a run of an import is.
public struct ImportProgress: Sendable, Equatable {
    /// How many bytes of the dump have been read.
    public let bytesRead: Int64
    /// How many rows of `session_info` are done and durable.
    public let rowsDone: Int
    /// How many sessions this run has added.
    public let sessions: Int
}

/// What one run of an import did.
public struct ImportReport: Sendable, Equatable {
    /// Rows that an earlier run has finished.
    public let skippedRows: Int
    /// Signing keys of the dump that the target has now.
    public internal(set) var keys = 0
    /// Sessions that this run added.
    public internal(set) var imported = 0
    /// Sessions that the target had already, just as they are in the dump.
    public internal(set) var alreadyThere = 0
    /// Sessions that the target had already and that have been used there since; they stay as they are.
    public internal(set) var newerThere = 0
    /// Sessions that have ended.
    public internal(set) var expired = 0
    /// Sessions that cannot be imported.
    public internal(set) var refused = RefusalTally()

    init(skippedRows: Int) {
        self.skippedRows = skippedRows
    }

    mutating func add(_ written: PendingSession.Written) {
        switch written {
        case .imported: imported += 1
        case .alreadyThere: alreadyThere += 1
        case .newerThere: newerThere += 1
        case .taken(let line): refused.add(.handleTaken, line: line)
        }
    }
}
