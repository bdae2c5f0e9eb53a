import Foundations
import LibPQClient
import LosslessJSON
public import SessionEngine
public import SessionStorage

/// One app's sessions and keys in a ``PostgresDatabase``.
///
/// A change of a session is a read and a write that says what it has read; where another change came between, both are
/// done again.
public struct PostgresSessionStorage: SessionStorage {
    let database: PostgresDatabase
    let app: AppID
    /// Whether new sessions are only taken for tenants that exist.
    let checksTenants: Bool

    public var restoreNumber: UInt8 { database.restoreNumber }

    var statements: Statements { database.statements }

    /// Runs a statement on this app.
    func run(
        _ statement: PostgresStatement, _ values: NamedValues = [:], key: String = "",
        priority: StatementPriority = .other
    ) async throws(StorageError) -> PostgresResult {
        try await database.run(statement, values + ["app": .text(app.rawValue)], key: key, priority: priority)
    }

    /// The number of times that a change is tried while others change the same session.
    private static let attempts = 1_000

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try record.checkTexts()
        let isPublic = !checksTenants || (app == .public && record.tenantID == .public)
        let insertion = isPublic ? statements.insertPublicSession : statements.insertSession
        let values: NamedValues = ["handle": .text(record.handle.rawValue)] + record.values + (event?.values ?? [:])
        let result = try await run(
            insertion.statement(withAudit: event != nil), values, key: record.handle.rawValue, priority: .create)
        if result.affected == 0 {
            throw StorageError(
                .noSuchTenant, "tenant \(record.tenantID.rawValue) of app \(app.rawValue) does not exist")
        }
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await stored(handle, .other)?.record
    }

    func stored(
        _ handle: SessionHandle, _ priority: StatementPriority
    ) async throws(StorageError) -> StoredSession? {
        let values: NamedValues = ["handle": .text(handle.rawValue)]
        // No session has such a handle.
        guard values.areStorable else { return nil }
        let result = try await run(statements.selectSession, values, key: handle.rawValue, priority: priority)
        return result.first.map { row in
            var record = SessionRecord(row: row)
            record.primaryUserID = row.optionalText(15).map(UserID.init)
            return StoredSession(
                record: record, version: row.integer(13), time: Timestamp(milliseconds: row.integer(14)))
        }
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        for _ in 0..<Self.attempts {
            let stored = try await stored(handle, .refresh)
            let decided = decide(stored?.record, stored?.time)
            guard let stored else { return decided.outcome }
            guard let (statement, values) = write(decided.change, decided.audit, to: stored) else {
                return decided.outcome
            }
            Failpoint.reach("postgres.between-read-and-write")
            let result = try await run(statement, values, key: handle.rawValue, priority: .refresh)
            Failpoint.reach("postgres.session-written")
            if result.affected > 0 { return decided.outcome }
        }
        throw StorageError(.unavailable, "too many others change the same session")
    }

    /// The statement that makes a change of what was read; `nil` where there is nothing to write.
    private func write(
        _ change: SessionChange, _ event: AuditEvent?, to stored: StoredSession
    ) -> (PostgresStatement, NamedValues)? {
        let (old, isAudited) = (stored.record, event != nil)
        let asRead: NamedValues = [
            "handle": .text(old.handle.rawValue), "version": .integer(stored.version),
            "readHash": .text(old.currentTokenHash.hex),
        ]
        let values = asRead + (event?.values ?? [:])
        switch change {
        case .keep: return isAudited ? (statements.auditSessionAsRead, values) : nil
        case .remove: return (statements.deleteSessionAsRead.statement(withAudit: isAudited), values)
        case .replace(let new) where new.isRotation(of: old):
            return (statements.rotateSession.statement(withAudit: isAudited), values + new.rotationValues)
        case .replace(let new):
            return (statements.replaceSession.statement(withAudit: isAudited), values + new.values)
        }
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        let bounds = LivenessBounds(at: now, within: terms)
        return try await HandleList(of: user, tenant: tenant, bounds: bounds, statements).read(from: self)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        switch selection {
        case .handles(let handles): return try await end(handles, revocation)
        case .user(let user, let tenant, let now, let terms):
            return try await endAll(of: CutOff.Scope(user, in: tenant), liveAt: now, within: terms, revocation)
        case .expired(let now, let limit, let terms): return try await endExpired(now, limit, terms, revocation)
        }
    }

    private func end(
        _ handles: [SessionHandle], _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        var seen: Set<SessionHandle> = []
        let wanted = handles.filter { seen.insert($0).inserted && !$0.rawValue.utf8.contains(0) }
        guard let first = wanted.first else { return [] }
        if wanted.count == 1 {
            let statement = statements.deleteSession.statement(withAudit: revocation != nil)
            let values: NamedValues = ["handle": .text(first.rawValue)] + revocation.values
            let result = try await run(statement, values, key: first.rawValue, priority: .revoke)
            return result.count > 0 ? [first] : []
        }
        let values: NamedValues = ["handles": .texts(wanted.map(\.rawValue))] + revocation.values
        let ended = try await run(statements.deleteSessions, values, priority: .revoke)
            .rows { SessionHandle($0.text(0)) }
        let endedSet = Set(ended)
        return wanted.filter(endedSet.contains)
    }
}

/// A session with the version of its row.
struct StoredSession {
    let record: SessionRecord
    let version: Int64
    /// When the database read it, by its own clock: all nodes share that one.
    let time: Timestamp
}
