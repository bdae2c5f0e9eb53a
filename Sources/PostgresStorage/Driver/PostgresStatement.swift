#if PostgreSQL
    /// A statement that each connection prepares when it first needs it.
    struct PostgresStatement: Sendable {
        /// With what it may share a group, which is one transaction.
        enum Kind: Sendable, Equatable {
            /// With other reads; done again when the connection breaks.
            case read
            /// With other writes of single rows.
            case write
            /// With none: it writes many rows.
            case alone
        }

        let name: String
        let sql: String
        let kind: Kind

        init(_ name: String, _ kind: Kind, _ sql: String) {
            self.name = name
            self.sql = sql
            self.kind = kind
        }
    }

    /// In which order waiting statements go (docs/specification/security.md E-12).
    enum PostgresPriority: Int, Sendable, CaseIterable {
        case health, revoke, refresh, create, other
    }
#endif
