import Foundations
import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    /// Ends all of a user's sessions: at once and with their rows, or by a cut-off where there are too many for one
    /// statement.
    func endAll(
        of scope: CutOff.Scope, liveAt now: Timestamp, within terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        guard scope.values.areStorable else { return [] }
        let most = CutOff.largestStep
        let count = try await run(
            statements.countSessionsOfUser, scope.values + ["limit": .integer(Int64(most) + 1)], priority: .revoke)
        if count.first?.integer(0) ?? 0 > most {
            return try await cutOff(scope, liveAt: now, within: terms, revocation)
        }
        let values = scope.values + revocation.values + LivenessBounds(at: now, within: terms).values
        return try await run(statements.deleteSessionsOfUser, values, priority: .revoke)
            .rows { SessionHandle($0.text(0)) }
    }

    /// One small statement, after which the sessions are absent to every caller; then their handles are read.
    ///
    /// A SuperTokens core beside this one sees them until their rows are gone, and so does a node of a release that
    /// does not know cut-offs.
    private func cutOff(
        _ scope: CutOff.Scope, liveAt now: Timestamp, within terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        let madeAt = revocation?.time ?? now
        let values =
            scope.values + [
                "time": .integer(now.milliseconds), "madeAt": .integer(madeAt.milliseconds),
                "actor": .text(revocation?.actor.rawValue), "note": .text(revocation.noteMembers),
            ]
        guard let made = try await run(statements.storeCutOff, values, priority: .revoke).first else {
            return []
        }
        Failpoint.reach("postgres.cut-off-stored")
        let cutOff = CutOff(
            scope, upTo: Timestamp(milliseconds: made.integer(0)), madeAt: madeAt, by: revocation?.actor)
        let previous = made.optionalInteger(1).map(Timestamp.init(milliseconds:))
        return try await HandleList(
            endedBy: cutOff, after: previous, bounds: LivenessBounds(at: now, within: terms), statements
        )
        .read(from: self)
    }

    /// One node at a time does it.
    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        var removed = 0
        let due: NamedValues = ["due": .integer(CutOff.dueTime(at: now).milliseconds)]
        while removed < limit {
            guard let row = try await run(statements.selectDueCutOff, due).first,
                try await database.acquireLease(for: "tessera_cut_offs")
            else { break }
            let (cutOff, rest) = (CutOff(row: row), limit - removed)
            let count = try await sweep(cutOff, rest)
            removed += count
            if count < rest, try await !forget(cutOff) { break }
        }
        return removed
    }

    private func values(of cutOff: CutOff) -> NamedValues {
        cutOff.scope.values + ["time": .integer(cutOff.time.milliseconds)]
    }

    private func sweep(_ cutOff: CutOff, _ limit: Int) async throws(StorageError) -> Int {
        let details: NamedValues = [
            "limit": .integer(Int64(limit)), "madeAt": .integer(cutOff.madeAt.milliseconds),
            "actor": .text(cutOff.actor?.rawValue),
        ]
        let count = try await run(statements.sweepCutOff, values(of: cutOff) + details).first?.integer(0)
        Failpoint.reach("postgres.cut-off-swept")
        return Int(count ?? 0)
    }

    /// Deletes a cut-off without rows; returns whether it is gone.
    ///
    /// The feed of revocations will have it stay for the longest life of an access token besides.
    private func forget(_ cutOff: CutOff) async throws(StorageError) -> Bool {
        try await run(statements.deleteCutOff, values(of: cutOff)).affected > 0
    }
}
