import Foundations
public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    /// Ends all of a user's sessions: at once and with their rows, or by a cut-off where there are too many for one step.
    func endAll(
        of scope: CutOff.Scope, liveAt now: Timestamp, within terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        let most = CutOff.largestStep
        let values: [SQLiteValue] = [appValue, .text(scope.user.rawValue), .integer(Int64(most) + 1)]
        let count = try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.countSessionsOfUser, values) { $0.integer(0) }.first ?? 0
        }
        guard count <= most else { return try await cutOff(scope, liveAt: now, within: terms, revocation) }
        let live = scope.tenant == nil ? Statement.selectHandlesOfUser : Statement.selectHandlesOfUserInTenant
        let listed: [SQLiteValue] =
            [appValue, .text(scope.user.rawValue)] + LivenessBounds(at: now, within: terms).values
            + (scope.tenant.map { [.text($0.rawValue)] } ?? [])
        return try await delete(revocation) { (connection) throws(StorageError) in
            try connection.query(live, listed) { SessionHandle($0.text(0)) }
        }
    }

    /// One small write, after which the sessions are absent to every caller; then their handles are read beside the
    /// writer.
    private func cutOff(
        _ scope: CutOff.Scope, liveAt now: Timestamp, within terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        let made = try await database.writer.write(.vital) { (connection) throws(StorageError) in
            try storeCutOff(scope, at: now, revocation, on: connection)
        }
        guard let (cutOff, previous) = made else { return [] }
        Failpoint.reach("sqlite.cut-off-stored")
        return try await HandleList(endedBy: cutOff, after: previous, liveAt: now, within: terms)
            .read(of: app, with: database.readers)
    }

    /// Stores a cut-off, unless one that is there has ended all of the user's sessions.
    private func storeCutOff(
        _ scope: CutOff.Scope, at now: Timestamp, _ revocation: Revocation?, on connection: SQLiteConnection
    ) throws(StorageError) -> (CutOff, previous: Timestamp?)? {
        let key = [appValue] + scope.columns
        let newest = try connection.query(
            Statement.selectNewestOfUser, [appValue, .text(scope.user.rawValue)]
        ) { Timestamp(milliseconds: $0.integer(0)) }.first
        let previous = try connection.query(Statement.selectCutOffTime, key) {
            Timestamp(milliseconds: $0.integer(0))
        }.first
        guard let newest, previous.map({ $0 < min(newest, CutOff.latest) }) ?? true else { return nil }
        let cutOff = CutOff(
            scope, upTo: CutOff.time(at: now, newest: newest), madeAt: revocation?.time ?? now, by: revocation?.actor)
        let values: [SQLiteValue] = [
            .integer(cutOff.time.milliseconds), .integer(cutOff.madeAt.milliseconds),
            cutOff.actor.map { .text($0.rawValue) } ?? .null,
        ]
        try connection.run(Statement.storeCutOff, key + values)
        if let revocation {
            try note(
                .revokedAll(of: scope.user, tenant: scope.tenant, createdUpTo: cutOff.time, revocation), on: connection)
        }
        return (cutOff, previous)
    }

    /// The rows are looked for beside the writer, which only deletes them by their keys.
    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        var removed = 0
        let due: [SQLiteValue] = [appValue, .integer(CutOff.dueTime(at: now).milliseconds)]
        while removed < limit {
            let rest = limit - removed
            let found = try await database.readers.readAside { (connection) throws(StorageError) in
                let cutOff = try connection.query(Statement.selectDueCutOff, due) { CutOff(row: $0) }.first
                return (
                    cutOff,
                    try cutOff.map { (cutOff) throws(StorageError) in
                        try candidates(of: cutOff, limit: rest, on: connection)
                    } ?? []
                )
            }
            guard let cutOff = found.0 else { break }
            let handles = found.1
            removed += try await sweep(cutOff, handles, isLast: handles.count < rest)
        }
        return removed
    }

    private func candidates(
        of cutOff: CutOff, limit: Int, on connection: SQLiteConnection
    ) throws(StorageError) -> [SessionHandle] {
        let values: [SQLiteValue] = [
            appValue, .text(cutOff.scope.user.rawValue), .integer(cutOff.time.milliseconds),
            cutOff.scope.tenant.map { .text($0.rawValue) } ?? .null, .integer(Int64(limit)),
        ]
        return try connection.query(Statement.selectCutOffHandles, values) { SessionHandle($0.text(0)) }
    }

    private func sweep(
        _ cutOff: CutOff, _ handles: [SessionHandle], isLast: Bool
    ) async throws(StorageError) -> Int {
        try await database.writer.write(.vital) { (connection) throws(StorageError) in
            var removed = 0
            for handle in handles {
                let values = [appValue, .text(handle.rawValue)]
                let row = try connection.query(Statement.deleteCutOffSession, values) {
                    (EndedRow($0, handle), Timestamp(milliseconds: $0.integer(3)))
                }
                guard let (ended, expiresAt) = row.first else { continue }
                try note(cutOff.revocation(ofExpiry: expiresAt).map(ended.event), on: connection)
                removed += 1
            }
            Failpoint.reach("sqlite.cut-off-swept")
            // No row comes under a cut-off later: sessions that begin are created after it. The feed of revocations will
            // have it stay for the longest life of an access token besides.
            if isLast {
                let time = SQLiteValue.integer(cutOff.time.milliseconds)
                try connection.run(Statement.deleteCutOff, [appValue] + cutOff.scope.columns + [time])
            }
            return removed
        }
    }
}
