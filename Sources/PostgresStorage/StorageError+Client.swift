import LibPQClient
import SessionStorage

extension StorageError {
    /// The storage's error for a statement that failed.
    init(_ error: ClientError) {
        switch error {
        case .unavailable(let reason): self.init(.unavailable, reason)
        case .unusable(let reason): self.init(.misconfigured, reason)
        case .unknownOutcome(let reason): self.init(.unknownOutcome, reason)
        case .unstorable(let reason): self.init(.unstorable, reason)
        case .statement(let error): self.init(error)
        }
    }

    /// The storage's error for a statement that the server rejected.
    init(_ error: StatementError) {
        let code: Code =
            switch error.code {
            case "23505": .alreadyExists
            case "53100": .full
            case "22001", "22021", "22P05": .unstorable
            case "23503": .noSuchTenant
            // A stored number is at its end: nothing can be counted on from it.
            case "22003": .corrupt
            default: .unavailable
            }
        self.init(code, Self.reason(error))
        sqlState = error.code
    }

    /// What was wrong; of a value that cannot be stored in words that its sender may read, whatever the server's language.
    private static func reason(_ error: StatementError) -> String {
        switch error.code {
        case "22001":
            "a text is longer than its column, for example a user id of more than 128 characters in a table of SuperTokens"
        case "22021", "22P05": "a text has a character that the database's encoding does not have"
        default: error.text
        }
    }

    /// The error for a statement that failed while the storage is opened: no other caller's sessions depend on it yet,
    /// so a missing privilege is an error that an operator has to see.
    init(opening error: StatementError) {
        self = error.isPermanent ? StorageError(.misconfigured, error.text) : StorageError(error)
    }

    /// The same for a client's error.
    init(opening error: ClientError) {
        self = if case .statement(let error) = error { StorageError(opening: error) } else { StorageError(error) }
    }
}

extension PostgresRow {
    /// The bytes of a column that always holds some.
    func storedBytes(_ column: Int32) throws(StorageError) -> [UInt8] {
        guard let bytes = bytes(column) else { throw StorageError(.corrupt, "a column of bytes cannot be read") }
        return bytes
    }
}

extension StatementPriority {
    /// Whether the database answers at all.
    static let health = StatementPriority(level: 0)
    /// What ends sessions.
    static let revoke = StatementPriority(level: 1)
    static let refresh = StatementPriority(level: 2)
    /// Sign-ins, which can be tried again.
    static let create = StatementPriority(level: 3)
    static let other = StatementPriority.last
}
