import Foundations

/// A statement whose caller waits for the result.
struct ClientRequest: Sendable {
    typealias Answer = Result<PostgresResult, ClientError>

    /// A statement that goes before a request's own, in its transaction.
    struct First: Sendable {
        let statement: PostgresStatement
        let values: [PostgresValue]
    }

    let id: UInt64
    /// What goes before it; only beside a statement that goes alone.
    var first: First?
    let statement: PostgresStatement
    let values: [PostgresValue]
    /// Writes of one batch go in the order of this, so that two batches never wait for each other.
    let key: String
    let priority: StatementPriority
    let deadline: MonotonicTime
    let waiter: CheckedContinuation<Answer, Never>
    /// Whether it has to run alone, because a batch with it failed.
    var isSingle = false
    /// The number of times that it was sent.
    var attempts = 0

    func answer(_ answer: Answer) { waiter.resume(returning: answer) }

    /// Whether it can run in one transaction with what a batch has.
    func fits(_ batch: [ClientRequest]) -> Bool {
        guard let first = batch.first else { return true }
        return !isSingle && !first.isSingle && statement.kind != .alone && statement.kind == first.statement.kind
    }
}
