public import SessionEngine

/// A storage that another core shares in which accounts are linked: one person is a primary user with several users of
/// login methods.
///
/// Sessions belong to the latter; replies name the former as well.
/// A storage without such a core beside it has no use for this.
public protocol LinkedAccountStorage: Sendable {
    /// The primary user to whom a user of a login method is linked; `nil` for one who is not, or is it himself.
    func primaryUser(of user: UserID) async throws(StorageError) -> UserID?

    /// Every name under which a person may have sessions, the given one first; that one alone where nothing is linked.
    ///
    /// - Parameter user: a primary user or one of a login method.
    func linkedUsers(of user: UserID) async throws(StorageError) -> [UserID]
}
