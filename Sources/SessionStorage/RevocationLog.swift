import Foundations
public import SessionEngine

/// Where the ends of one app's sessions are noted, for verifiers that do not ask (docs/decisions/0046).
///
/// The database itself notes them, in the step that ends a session, whichever program takes it: the row of a session that has
/// not expired and goes, a cut-off that is made, a signing key that goes.
public protocol RevocationLog: Sendable {
    /// A page of what was noted, the oldest first.
    ///
    /// Numbers grow, with gaps; two that are given at one moment may become visible in the other order, so that a reader
    /// looks again at those before the newest one that it knows.
    ///
    /// - Parameters:
    ///   - sequence: only what has a greater number.
    ///   - limit: how many at most.
    func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage

    /// Deletes what no verifier needs any more, the oldest first; keys stay.
    ///
    /// - Parameters:
    ///   - time: what was noted before it goes.
    ///   - limit: how many at most.
    /// - Returns: how many there were.
    func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int
}

/// A page of what was noted.
public struct RevocationPage: Sendable, Equatable {
    /// Names the history that the numbers belong to: another one after a restore, or after a standby has taken over.
    public var history: String
    /// When it was read, by the clock that says when something is noted.
    public var time: Timestamp
    /// What was noted, as far as this release knows its kind.
    public var records: [RevocationRecord]
    /// The number of the last row that was read; `nil` where there was none.
    public var last: Int64?
    /// Whether there was no row after it.
    public var isLast: Bool

    /// Creates a page.
    public init(history: String, time: Timestamp, records: [RevocationRecord], last: Int64?, isLast: Bool) {
        self.history = history
        self.time = time
        self.records = records
        self.last = last
        self.isLast = isLast
    }
}

/// One end that was noted.
public struct RevocationRecord: Sendable, Equatable {
    /// What has ended.
    public enum Subject: Sendable, Hashable {
        /// A session.
        case session(SessionHandle)
        /// All sessions of a user, in one tenant or in all, that were created up to ``RevocationRecord/time``.
        case user(UserID, tenant: TenantID?)
        /// The same of a user who was erased, by the digest of the identifier.
        case erasedUser(digest: String, tenant: TenantID?)
        /// A signing key: nothing that it signed is to be accepted.
        case key(KeyID)
    }

    /// Its number.
    public var sequence: Int64
    /// What has ended.
    public var subject: Subject
    /// When it ended; of all sessions of a user, up to when they were created.
    public var time: Timestamp
    /// When it was noted, by the database's clock.
    public var notedAt: Timestamp

    /// Creates a record.
    public init(_ sequence: Int64, _ subject: Subject, at time: Timestamp, notedAt: Timestamp) {
        self.sequence = sequence
        self.subject = subject
        self.time = time
        self.notedAt = notedAt
    }
}

extension RevocationRecord {
    /// The columns `sequence`, `kind`, `subject`, `tenant`, `time` and `noted_at`; `nil` where a later release wrote a kind
    /// that this one does not know.
    package init?(
        sequence: Int64, kind: String, subject: String, tenant: String, time: Int64, notedAt: Int64
    ) {
        let scope = tenant.isEmpty ? nil : TenantID(tenant)
        let meant: Subject? =
            switch kind {
            case "session": .session(SessionHandle(subject))
            case "user": .user(UserID(subject), tenant: scope)
            case Self.erasedKind: .erasedUser(digest: subject, tenant: scope)
            case "key": KeyID(subject).map(Subject.key)
            default: nil
            }
        guard let meant else { return nil }
        self.init(
            sequence, meant, at: Timestamp(milliseconds: time), notedAt: Timestamp(milliseconds: notedAt))
    }

    /// The kind of the mass end of a user who was erased since.
    package static let erasedKind = "erased_user"

    /// What stands for the identifier of an erased user: the first 16 bytes of its SHA-256 in hexadecimal digits.
    package static func digest(of user: UserID) -> String { String(Hex.sha256(user.rawValue).prefix(32)) }

    /// For how long after its expiry the row of a session is noted when it goes: the clocks of a database and of its cores
    /// may differ by that much.
    package static let expiryMargin = Milliseconds.seconds(120)
}
