import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        let values: NamedValues =
            [
                "user": .text(page.user.rawValue), "tenant": .text(page.tenant?.rawValue),
                "lastCreated": .integer(page.before?.createdAt.milliseconds),
                "lastHandle": .text(page.before?.handle.rawValue), "limit": .integer(Int64(page.limit)),
            ] + LivenessBounds(at: page.time, within: page.terms).values
        guard page.limit > 0, values.areStorable else { return [] }
        return try await run(statements.selectSessionsBefore, values).rows { SessionRecord(row: $0) }
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        let values: NamedValues = ["user": .text(user.rawValue), "limit": .integer(Int64(max(0, limit)))]
        guard values.areStorable else { return 0 }
        return Int(try await run(statements.forgetDevices, values).affected)
    }
}
