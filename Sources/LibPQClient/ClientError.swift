/// The failure of a connection or of a statement; the texts are for an operator and hold no secret.
package enum ClientError: Error, Sendable, Equatable {
    /// There is no connection, no time or no room in the queue: nothing was done, and trying again may help.
    case unavailable(String)
    /// The server or libpq rejects the connection's parameters: nothing was done, and trying again does not help.
    case unusable(String)
    /// A write was sent, and its result did not come.
    case unknownOutcome(String)
    /// PostgreSQL cannot store one of the values; nothing was done.
    case unstorable(String)
    /// The server rejected the statement; nothing was done.
    case statement(StatementError)

    static let closed = ClientError.unavailable("the connection to PostgreSQL has been closed")
    static let queueIsFull = ClientError.unavailable("too many statements wait for PostgreSQL")
}
