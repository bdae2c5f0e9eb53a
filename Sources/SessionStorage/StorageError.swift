/// The storage could not do what was asked.
///
/// Never an answer about a session: "not found" is a value.
///
/// Two errors are equal when their codes are, so that tests and callers need not know the details.
public struct StorageError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kinds of failure; more may come.
    public struct Code: Sendable, Hashable {
        private enum Kind: String, CaseIterable {
            case unavailable, full, alreadyExists, corrupt, inUse, unknownOutcome, newerSchema, noSuchTenant, unstorable
            case misconfigured
        }
        private let kind: Kind

        /// The storage does not answer; nothing was done.
        ///
        /// Trying again may help.
        public static let unavailable = Code(kind: .unavailable)
        /// There is no room for a write; nothing was done.
        ///
        /// Reads still work.
        public static let full = Code(kind: .full)
        /// The name is taken; nothing was done.
        public static let alreadyExists = Code(kind: .alreadyExists)
        /// What was stored cannot be understood.
        public static let corrupt = Code(kind: .corrupt)
        /// Another process has the storage.
        public static let inUse = Code(kind: .inUse)
        /// The write may or may not have happened.
        public static let unknownOutcome = Code(kind: .unknownOutcome)
        /// The storage was written by a newer release.
        public static let newerSchema = Code(kind: .newerSchema)

        /// The app or the tenant does not exist, or no longer; nothing was done.
        public static let noSuchTenant = Code(kind: .noSuchTenant)

        /// The storage cannot hold such a value, for example a text that is too long for it; nothing was done.
        ///
        /// Trying again does not help.
        public static let unstorable = Code(kind: .unstorable)

        /// The storage cannot be opened until an operator changes a password, a name, a privilege or the schema.
        ///
        /// Waiting does not help.
        public static let misconfigured = Code(kind: .misconfigured)

        /// The name of the kind.
        package var name: String { kind.rawValue }

        /// All kinds that there are now.
        package static var all: [Code] { Kind.allCases.map(Code.init(kind:)) }
    }

    /// What kind of failure.
    public let code: Code
    /// For an operator, never for a client: what happened and, where it is known, what to do.
    ///
    /// Holds no secret.
    public let detail: String
    /// The SQLSTATE of a statement that a database has rejected, for traces.
    package var sqlState: String?

    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// Equal when the codes are.
    public static func == (left: StorageError, right: StorageError) -> Bool { left.code == right.code }

    /// The kind alone, safe to show to any caller.
    public var description: String { "storage error: \(code.name)" }
    /// The kind and the details, for a log.
    public var debugDescription: String { "storage error: \(code.name): \(detail)" }
}

extension StorageError {
    /// The error for an app that has sessions, but no key that reads their refresh tokens.
    package static func withoutRefreshTokenKey(_ app: String) -> StorageError {
        StorageError(
            .misconfigured,
            "key_value lacks \(StoredValueName.refreshTokenKey.rawValue) of the app '\(app)', without which none of its refresh "
                + "tokens can be read: put that row back, or restore a backup (docs/backup.md)")
    }
}
