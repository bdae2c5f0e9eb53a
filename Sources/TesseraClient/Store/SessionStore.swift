/// Where a client keeps its session, for one process or for several.
public protocol SessionStore: Sendable {
    /// What is kept; a record without tokens where nothing is.
    ///
    /// - Throws: ``StoreError`` where that cannot be known now. That is never "signed out".
    func read() async throws(StoreError) -> StoredSession

    /// Changes what is kept in one step, against other tasks and processes.
    ///
    /// - Parameter change: gets what is kept; returns what is to be kept, or `nil` to leave it.
    /// - Returns: what is kept afterwards.
    /// - Throws: ``StoreError``; then all is as before.
    func update(_ change: @Sendable (StoredSession) -> StoredSession?) async throws(StoreError) -> StoredSession

    /// Takes the right to refresh, if no other process has it.
    ///
    /// The lock saves requests; that two processes may refresh at once is the server's concern. The system frees it when the
    /// process ends.
    ///
    /// - Returns: the lock, which is held until it is released or gone; `nil` while another one has it.
    /// - Throws: ``StoreError`` where there are no locks, as on some network file systems.
    func tryRefreshLock() throws(StoreError) -> (any RefreshLock)?
}

/// The right to refresh.
public protocol RefreshLock: Sendable {
    /// Gives it back; once is enough.
    func release()
}

/// Why a store cannot be used now.
///
/// It has no secret in it.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What happened, and what to do.
    public let description: String

    /// Describes a failure.
    public init(_ description: String) { self.description = description }
}
