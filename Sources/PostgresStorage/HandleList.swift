#if PostgreSQL
    import SessionEngine
    import SessionStorage

    /// Which of a user's sessions are listed, and how.
    struct HandleList: Sendable {
        /// How many rows one statement looks at.
        static let pageSize = 1_000

        private let first: PostgresStatement
        private let next: PostgresStatement
        private let user: UserID
        private let tenant: TenantID?
        private let time: Timestamp
        private let ended: [PostgresValue]

        /// The sessions that live at a time.
        init(of user: UserID, tenant: TenantID?, liveAt now: Timestamp, _ statements: Statements) {
            (first, next) = (statements.pageOfLive(isFirst: true), statements.pageOfLive(isFirst: false))
            (self.user, self.tenant, time) = (user, tenant, now)
            ended = []
        }

        /// The sessions that lived at a time and were ended by a cut-off.
        ///
        /// - Parameters:
        ///   - cutOff: the cut-off.
        ///   - previous: up to when the cut-off before it had ended them; `nil` where there was none.
        ///   - now: the time.
        ///   - statements: the statements.
        init(endedBy cutOff: CutOff, after previous: Timestamp?, liveAt now: Timestamp, _ statements: Statements) {
            (first, next) = (statements.pageOfEnded(isFirst: true), statements.pageOfEnded(isFirst: false))
            (user, tenant) = (cutOff.scope.user, cutOff.scope.tenant)
            self.time = now
            ended = [
                .integer(cutOff.time.milliseconds), .integer(previous?.milliseconds),
                .integer(cutOff.madeAt.milliseconds), .text(cutOff.scope.otherKind),
            ]
        }

        /// The handles, read page by page.
        func read(of app: AppID, with driver: PostgresDriver) async throws(StorageError) -> [SessionHandle] {
            let values: [PostgresValue] = [
                .text(app.text), .text(user.text), .integer(time.milliseconds), .text(tenant?.text),
            ]
            guard values.allSatisfy(\.isStorable) else { return [] }
            var handles: [SessionHandle] = []
            var place: [PostgresValue]?
            while true {
                let noPlace: [PostgresValue] = ended.isEmpty ? [] : [.integer(nil), .text(nil)]
                let page = try await driver.run(
                    place == nil ? first : next, values + (place ?? noPlace) + ended)
                var last: PostgresRow?
                _ = try page.rows { (row) throws(StorageError) in
                    if row.bool(2) { handles.append(SessionHandle(row.text(0))) }
                    last = row
                }
                guard page.count == Self.pageSize, let last else { return handles }
                place = [.integer(last.integer(1)), .text(last.text(0))]
            }
        }
    }
#endif
