#if PostgreSQL
    import Foundations
    import SessionStorage

    /// A statement that somebody waits for.
    struct PostgresRequest: Sendable {
        typealias Answer = Result<PostgresResult, StorageError>

        let id: UInt64
        let statement: PostgresStatement
        let values: [PostgresValue]
        /// Writes of one group go in the order of this, so that two groups never wait for each other.
        let key: String
        let priority: PostgresPriority
        let deadline: MonotonicTime
        let waiter: CheckedContinuation<Answer, Never>
        /// Whether it has to run alone, because a group with it failed.
        var isSingle = false
        /// How often it has been sent.
        var attempts = 0

        func answer(_ answer: Answer) { waiter.resume(returning: answer) }

        /// Whether it can run in one transaction with what a group has.
        func fits(_ group: [PostgresRequest]) -> Bool {
            guard let first = group.first else { return true }
            return !isSingle && !first.isSingle && statement.kind != .alone && statement.kind == first.statement.kind
        }
    }
#endif
