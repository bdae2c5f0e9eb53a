#if PostgreSQL
    import Foundations
    public import SessionEngine
    public import SessionStorage

    extension PostgresSessionStorage {
        /// Ends all of a user's sessions: at once and with their rows, or by a cut-off where there are too many for one
        /// statement.
        func endAll(
            of scope: CutOff.Scope, liveAt now: Timestamp, _ revocation: Revocation?
        ) async throws(StorageError) -> [SessionHandle] {
            let (user, tenant): (PostgresValue, PostgresValue) = (.text(scope.user.text), .text(scope.tenant?.text))
            guard user.isStorable, tenant.isStorable else { return [] }
            let most = CutOff.largestStep
            let count = try await driver.run(
                statements.countSessionsOfUser, [appValue, user, .integer(Int64(most) + 1)], priority: .revoke)
            if count.first?.integer(0) ?? 0 > most { return try await cutOff(scope, liveAt: now, revocation) }
            let values: [PostgresValue] = [
                appValue, user, .integer(revocation?.time.milliseconds), .text(revocation?.text),
                .integer(now.milliseconds), tenant,
            ]
            return try await driver.run(statements.deleteSessionsOfUser, values, priority: .revoke)
                .rows { SessionHandle($0.text(0)) }
        }

        /// One small statement, after which the sessions are absent to everybody; then their handles are read.
        ///
        /// A SuperTokens core beside this one sees them until their rows are gone, and so does a node of a release that
        /// does not know cut-offs.
        private func cutOff(
            _ scope: CutOff.Scope, liveAt now: Timestamp, _ revocation: Revocation?
        ) async throws(StorageError) -> [SessionHandle] {
            let madeAt = revocation?.time ?? now
            let values: [PostgresValue] = [
                appValue, .text(scope.kind), .text(scope.user.text), .text(scope.tenantText),
                .integer(now.milliseconds), .integer(madeAt.milliseconds), .text(revocation?.cause.rawValue),
                .text(scope.tenant?.text),
            ]
            guard let made = try await driver.run(statements.storeCutOff, values, priority: .revoke).first else {
                return []
            }
            Failpoint.reach("postgres.cut-off-stored")
            let cutOff = CutOff(
                scope, upTo: Timestamp(milliseconds: made.integer(0)), madeAt: madeAt, by: revocation?.cause)
            let previous = made.optionalInteger(1).map(Timestamp.init(milliseconds:))
            return try await HandleList(endedBy: cutOff, after: previous, liveAt: now, statements)
                .read(of: app, with: driver)
        }

        /// See `SessionStorage.sweepCutOffs(at:limit:)`.
        ///
        /// One node at a time does it.
        public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
            var removed = 0
            let due: [PostgresValue] = [appValue, .integer(CutOff.dueTime(at: now).milliseconds)]
            while removed < limit {
                guard let row = try await driver.run(statements.selectDueCutOff, due).first,
                    try await database.hasTurn(at: "tessera_cut_offs")
                else { break }
                let (cutOff, rest) = (CutOff(row: row), limit - removed)
                let count = try await sweep(cutOff, rest)
                removed += count
                if count < rest, try await !forget(cutOff) { break }
            }
            return removed
        }

        private func rows(of cutOff: CutOff) -> [PostgresValue] {
            [
                appValue, .text(cutOff.scope.user.text), .integer(cutOff.time.milliseconds),
                .text(cutOff.scope.tenant?.text),
            ]
        }

        private func sweep(_ cutOff: CutOff, _ limit: Int) async throws(StorageError) -> Int {
            let values: [PostgresValue] = [
                .integer(Int64(limit)), .integer(cutOff.madeAt.milliseconds),
                .text(cutOff.revocation(ofExpiry: Timestamp(milliseconds: .max))?.text),
                .text(cutOff.revocation(ofExpiry: cutOff.madeAt)?.text),
            ]
            let count = try await driver.run(statements.sweepCutOff, rows(of: cutOff) + values).first?.integer(0)
            Failpoint.reach("postgres.cut-off-swept")
            return Int(count ?? 0)
        }

        /// Deletes a cut-off without rows; whether it is gone.
        ///
        /// The feed of revocations will have it stay for the longest life of an access token besides.
        private func forget(_ cutOff: CutOff) async throws(StorageError) -> Bool {
            let values: [PostgresValue] = [.text(cutOff.scope.kind), .text(cutOff.scope.tenantText)]
            return try await driver.run(statements.deleteCutOff, rows(of: cutOff) + values).affected > 0
        }
    }
#endif
