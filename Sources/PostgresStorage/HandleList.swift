import Foundations
import LibPQClient
import SessionEngine
import SessionStorage

/// A list of a user's sessions, read page by page.
struct HandleList: Sendable {
    /// The number of rows that one statement looks at.
    static let pageSize = 1_000

    private let first: PostgresStatement
    private let next: PostgresStatement
    private let values: NamedValues

    /// The sessions that are active at a time.
    init(of user: UserID, tenant: TenantID?, bounds: LivenessBounds, _ statements: Statements) {
        (first, next) = (statements.pageOfLive(isFirst: true), statements.pageOfLive(isFirst: false))
        values = ["user": .text(user.rawValue), "tenant": .text(tenant?.rawValue)] + bounds.values
    }

    /// The sessions that were active at a time and were ended by a cut-off.
    ///
    /// - Parameters:
    ///   - cutOff: the cut-off.
    ///   - previous: up to when the cut-off before it had ended them; `nil` where there was none.
    ///   - bounds: when sessions are alive.
    ///   - statements: the statements.
    init(endedBy cutOff: CutOff, after previous: Timestamp?, bounds: LivenessBounds, _ statements: Statements) {
        (first, next) = (statements.pageOfEnded(isFirst: true), statements.pageOfEnded(isFirst: false))
        values =
            cutOff.scope.values + bounds.values + [
                "time": .integer(cutOff.time.milliseconds),
                "previousTime": .integer(previous?.milliseconds), "madeAt": .integer(cutOff.madeAt.milliseconds),
                "otherKind": .text(cutOff.scope.otherKind),
            ]
    }

    /// Reads the handles from an app's storage.
    func read(from storage: PostgresSessionStorage) async throws(StorageError) -> [SessionHandle] {
        guard values.areStorable else { return [] }
        var handles: [SessionHandle] = []
        var start: NamedValues?
        while true {
            let page = try await storage.run(start == nil ? first : next, values + (start ?? [:]))
            var last: PostgresRow?
            _ = page.rows { row in
                if row.bool(2) { handles.append(SessionHandle(row.text(0))) }
                last = row
            }
            guard page.count == Self.pageSize, let last else { return handles }
            start = ["lastCreated": .integer(last.integer(1)), "lastHandle": .text(last.text(0))]
        }
    }
}
