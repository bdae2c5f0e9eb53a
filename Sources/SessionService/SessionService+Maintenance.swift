import SessionStorage

extension SessionService {
    /// Deletes sessions whose time is over; nobody can use them, so this changes no answer.
    ///
    /// - Parameter limit: how many at most, so that other writes need not wait long.
    /// - Returns: how many there were; fewer than `limit` when none are left.
    /// - Throws: ``ServiceError``.
    public func removeExpiredSessions(atMost limit: Int) async throws(ServiceError) -> Int {
        let now = ambient.time()
        do throws(StorageError) {
            return try await storage.remove(.expired(at: now, limit: limit)).count
        } catch {
            throw .storage(error)
        }
    }

    /// Deletes signing keys whose last token has expired.
    ///
    /// - Returns: how many there were.
    /// - Throws: ``ServiceError``.
    public func removeRetiredKeys() async throws(ServiceError) -> Int {
        do throws(StorageError) { return try await keys.removeRetired() } catch { throw .storage(error) }
    }
}
