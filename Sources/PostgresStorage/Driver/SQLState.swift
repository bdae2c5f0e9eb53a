#if PostgreSQL
    import SessionStorage

    /// What PostgreSQL calls an error (its manual, appendix A).
    struct SQLState {
        let code: String
        let message: String

        /// Whether doing the same again may succeed: the transaction lost against another (class 40).
        var isTransient: Bool { code.hasPrefix("40") || code == "55P03" }

        /// Whether the connection lost what it had prepared, as behind a pooler.
        var isUnknownStatement: Bool { code == "26000" || code == "42P05" }

        /// Whether a schema change made a prepared statement stale.
        var isStalePlan: Bool { code == "0A000" && message.contains("cached plan") }

        /// Whether the server or the connection goes away.
        var endsConnection: Bool { code.hasPrefix("57P") || code.hasPrefix("08") || isReadOnly }

        /// Whether the server takes no writes, as one that is no primary any more; nothing was done.
        var isReadOnly: Bool { code == "25006" }

        /// Whether connecting again can only help when somebody has changed something.
        var isSettled: Bool { ["28000", "28P01", "3D000", "3F000", "42501"].contains(code) }

        /// The error for whoever waits.
        var storageError: StorageError { StorageError(kind, "PostgreSQL: \(message) (\(code))") }

        private var kind: StorageError.Code {
            switch code {
            case "23505": .alreadyExists
            case "53100": .full
            case "22001", "22021", "22P05": .unstorable
            case "23503": .noSuchTenant
            default: .unavailable
            }
        }
    }
#endif
