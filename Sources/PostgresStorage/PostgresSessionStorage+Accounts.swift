import LibPQClient
public import SessionEngine
public import SessionStorage

/// Accounts that a SuperTokens core links in the same tables; elsewhere there are none.
extension PostgresSessionStorage: LinkedAccountStorage {
    public func primaryUser(of user: UserID) async throws(StorageError) -> UserID? {
        let values: NamedValues = ["user": .text(user.rawValue)]
        guard statements.isInPlace, values.areStorable else { return nil }
        return try await run(statements.selectPrimaryUser, values, priority: .create).first.map { UserID($0.text(0)) }
    }

    public func linkedUsers(of user: UserID) async throws(StorageError) -> [UserID] {
        let values: NamedValues = ["user": .text(user.rawValue)]
        guard statements.isInPlace, values.areStorable else { return [user] }
        let linked = try await run(statements.selectLinkedUsers, values, priority: .revoke).rows { UserID($0.text(0)) }
        return [user] + linked.filter { $0 != user }
    }
}
