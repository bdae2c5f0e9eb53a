import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        var values: NamedValues =
            [
                "user": .text(page.user.rawValue), "tenant": .text(page.tenant?.rawValue),
                "limit": .integer(Int64(page.limit)),
            ] + LivenessBounds(at: page.time, within: page.terms).values
        if let place = page.before {
            values =
                values + [
                    "lastCreated": .integer(place.createdAt.milliseconds), "lastHandle": .text(place.handle.rawValue),
                ]
        }
        guard page.limit > 0, values.areStorable else { return [] }
        return try await run(statements.pageOfSessions(isFirst: page.before == nil), values).rows {
            SessionRecord(row: $0)
        }
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        let values: NamedValues = ["user": .text(user.rawValue), "limit": .integer(Int64(max(0, limit)))]
        guard values.areStorable else { return 0 }
        return Int(try await run(statements.forgetDevices, values).affected)
    }
}
