import SessionEngine
import SessionStorage

/// Which of a user's sessions are listed, and how.
struct HandleList: Sendable {
    /// How many rows are looked at between two chances for everything else.
    static let pageSize = 500

    private let first: String
    private let next: String
    private let user: UserID
    private let tenant: TenantID?
    private let bounds: LivenessBounds
    private let ended: [SQLiteValue]

    /// The sessions that live at a time.
    init(of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms) {
        (first, next) = (Statement.firstPageOfLive, Statement.nextPageOfLive)
        (self.user, self.tenant) = (user, tenant)
        bounds = LivenessBounds(at: now, within: terms)
        ended = []
    }

    /// The sessions that lived at a time and were ended by a cut-off.
    ///
    /// - Parameters:
    ///   - cutOff: the cut-off.
    ///   - previous: up to when the cut-off before it had ended them; `nil` where there was none.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    init(endedBy cutOff: CutOff, after previous: Timestamp?, liveAt now: Timestamp, within terms: SessionTerms) {
        (first, next) = (Statement.firstPageOfEnded, Statement.nextPageOfEnded)
        (user, tenant) = (cutOff.scope.user, cutOff.scope.tenant)
        bounds = LivenessBounds(at: now, within: terms)
        ended = [
            .integer(cutOff.time.milliseconds), previous.map { .integer($0.milliseconds) } ?? .null,
            .integer(cutOff.madeAt.milliseconds), .text(cutOff.scope.otherKind),
        ]
    }

    /// The handles, read page by page, each over the last committed state of the file.
    func read(of app: AppID, with readers: ReaderPool) async throws(StorageError) -> [SessionHandle] {
        var handles: [SessionHandle] = []
        var position: Row?
        while true {
            let page = try readers.read { (connection) throws(StorageError) in
                try self.page(of: app, after: position, on: connection)
            }
            for row in page where row.isMeant { handles.append(SessionHandle(row.handle)) }
            guard page.count == Self.pageSize, let last = page.last else { return handles }
            position = last
            await Task.yield()
        }
    }

    private struct Row {
        let handle: String
        let createdAt: Int64
        let isMeant: Bool
    }

    private func page(
        of app: AppID, after position: Row?, on connection: SQLiteConnection
    ) throws(StorageError) -> [Row] {
        let place: [SQLiteValue] = position.map { [.integer($0.createdAt), .text($0.handle)] } ?? [.null, .null]
        let values: [SQLiteValue] =
            [.text(app.rawValue), .text(user.rawValue)] + bounds.values
            + [tenant.map { .text($0.rawValue) } ?? .null]
        // The first page does not name its place; where that is the last parameter, it is not bound either.
        let rest = position == nil && ended.isEmpty ? [] : place + ended
        return try connection.query(position == nil ? first : next, values + rest) { row in
            Row(handle: row.text(0), createdAt: row.integer(1), isMeant: row.integer(2) != 0)
        }
    }
}
