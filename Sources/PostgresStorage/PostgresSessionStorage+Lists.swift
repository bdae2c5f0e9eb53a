import Foundations
import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        let storable = lastSeen.filter { !$0.key.rawValue.utf8.contains(0) }
        guard !storable.isEmpty else { return }
        let values: NamedValues = [
            "users": .texts(storable.map(\.key.rawValue)), "times": .integers(storable.map(\.value.milliseconds)),
        ]
        if try await run(statements.noteActivity, values).affected == 0 { throw noSuchApp }
    }

    /// The error where nothing can be stored for the app.
    var noSuchApp: StorageError { StorageError(.noSuchTenant, "app \(app.rawValue) does not exist") }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        let result = try await run(statements.countActiveUsers, ["since": .integer(time.milliseconds)])
        return Int(result.first?.integer(0) ?? 0)
    }

    /// Deletes expired sessions while this node holds the lease, a few thousand pages at a time; no index has their times
    /// of expiry, because every refresh would have to keep it.
    ///
    /// A call resumes where the last one stopped, and looks at 256 MiB at most: the next one comes soon.
    func endExpired(
        _ now: Timestamp, _ limit: Int, _ terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        guard limit > 0, try await database.acquireLease(for: "tessera_expiry") else { return [] }
        let pages = try await run(statements.countPages).first?.integer(0) ?? 0
        var (ended, looked): ([SessionHandle], Int64) = ([], 0)
        while ended.count < limit, looked < max(1, min(pages, ExpirySweep.most)) {
            let start = database.sweep.position(of: app, in: pages)
            let end = min(start + ExpirySweep.slice, max(1, pages))
            let wanted = limit - ended.count
            let values: NamedValues = [
                "firstPage": .integer(start), "endPage": .integer(end), "limit": .integer(Int64(wanted)),
            ]
            let found = try await run(
                statements.deleteExpiredSessions,
                values + LivenessBounds(at: now, within: terms).values + terms.values + revocation.values
            )
            .rows { SessionHandle($0.text(0)) }
            ended += found
            // What is left in the slice is found by the next call.
            if found.count == wanted { break }
            database.sweep.move(app, to: end)
            looked += end - start
        }
        return ended
    }
}

extension SessionTerms {
    /// The values that say why a session ended.
    fileprivate var values: NamedValues {
        [
            "validity": .integer(validity.count), "normalIdle": .integer(normal.idle?.count),
            "anonymousIdle": .integer(anonymousIdle?.count),
            "normalAbsolute": .integer(normal.absolute?.count), "rememberedIdle": .integer(remembered.idle?.count),
            "rememberedAbsolute": .integer(remembered.absolute?.count),
        ]
    }
}
