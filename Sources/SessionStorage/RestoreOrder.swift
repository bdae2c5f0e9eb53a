public import SessionEngine

/// The instructions for a store that was restored from a copy (docs/decisions/0019, "Restore").
public struct RestoreOrder: Sendable {
    /// A session that was ended after the copy was made, as the audit log that was kept elsewhere says.
    public struct End: Sendable, Hashable {
        /// The session's app.
        public let app: AppID
        /// The session.
        public let handle: SessionHandle
        /// The number of the entry.
        public let sequence: Int64

        public init(app: AppID, handle: SessionHandle, sequence: Int64) {
            self.app = app
            self.handle = handle
            self.sequence = sequence
        }
    }

    /// The end of all of a user's sessions after the copy was made (docs/decisions/0022).
    public struct MassEnd: Sendable, Hashable {
        /// The user's app.
        public let app: AppID
        /// The user.
        public let user: UserID
        /// The tenant; `nil` for all.
        public let tenant: TenantID?
        /// Sessions that were created later lived on.
        public let createdUpTo: Timestamp
        /// The number of the entry.
        public let sequence: Int64

        public init(app: AppID, user: UserID, tenant: TenantID?, createdUpTo: Timestamp, sequence: Int64) {
            self.app = app
            self.user = user
            self.tenant = tenant
            self.createdUpTo = createdUpTo
            self.sequence = sequence
        }
    }

    /// Sessions to end; those that the copy knows as ended are passed over.
    public var ends: [End]
    /// Users all of whose sessions end, if the copy does not know it.
    public var massEnds: [MassEnd]
    /// Whether all sessions of all apps end.
    public var endsAllSessions: Bool
    /// When the store was restored.
    public var time: Timestamp

    public init(
        ends: [End] = [], massEnds: [MassEnd] = [], endsAllSessions: Bool = false, at time: Timestamp
    ) {
        self.ends = ends
        self.massEnds = massEnds
        self.endsAllSessions = endsAllSessions
        self.time = time
    }

    /// Why sessions are ended by a restore.
    public var revocation: Revocation { Revocation(by: .administrator, .restore, at: time) }

    /// The restore number after those of the copy and of what it replaced.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/unstorable`` after the 254th restore.
    public static func number(after numbers: [UInt8]) throws(StorageError) -> UInt8 {
        let last = numbers.max() ?? 0
        guard last < RotationCount.largestRestoreNumber else {
            throw StorageError(.unstorable, "the store was restored \(last) times, and no more are possible")
        }
        return last + 1
    }

    /// The number from which the audit log continues, so that none is given twice.
    public static func firstSequence(_ number: UInt8) -> Int64 { Int64(number) << 40 }
}

/// What a restore did.
public struct RestoreReport: Sendable, Equatable {
    /// The store's restore number from now on.
    public var number: UInt8
    /// How many sessions were ended.
    public var ended: Int
    /// The last entry of the audit log in the copy, by app.
    public var lastSequences: [AppID: Int64]
    /// Where the database that was there before is now.
    public var replaced: String?

    public init(number: UInt8, ended: Int, lastSequences: [AppID: Int64], replaced: String? = nil) {
        self.number = number
        self.ended = ended
        self.lastSequences = lastSequences
        self.replaced = replaced
    }
}
