import Foundations
import LosslessJSON
public import SessionEngine
public import SessionStorage

/// One app's sessions and keys in a ``SQLiteDatabase``.
public struct SQLiteSessionStorage: SessionStorage {
    let database: SQLiteDatabase
    let app: AppID
    /// Whether new rows are only taken for tenants that exist.
    let checksTenants: Bool

    public var restoreNumber: UInt8 { database.restoreNumber }

    var appValue: SQLiteValue { .text(app.rawValue) }

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try record.checkTexts()
        let values = [appValue] + record.columns
        try await database.writer.write { (connection) throws(StorageError) in
            try admit(record.tenantID, on: connection)
            try connection.run(Statement.insertSession, values)
            Failpoint.reach("sqlite.session-inserted")
            try note(event, on: connection)
        }
    }

    /// The user's sessions are counted in the transaction that stores the new one: the writer is alone.
    public func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        try record.checkTexts()
        let listed =
            [appValue, .text(record.userID.rawValue)]
            + LivenessBounds(at: record.createdAt, within: admission.terms).values
        let values = [appValue] + record.columns
        return try await database.writer.write { (connection) throws(StorageError) in
            try admit(record.tenantID, on: connection)
            if let predecessor = admission.predecessor,
                try session(predecessor.handle, on: connection) != predecessor
            {
                return .predecessorChanged
            }
            let others = try connection.query(Statement.selectLiveOfUser, listed) { SessionAdmission.Other(row: $0) }
            switch admission.decide(on: record, beside: others) {
            case .refused(let handles, let refusal):
                if event != nil { try note(refusal, on: connection) }
                return .refused(handles)
            case .admitted(let displaced):
                try connection.run(Statement.insertSession, values)
                Failpoint.reach("sqlite.session-inserted")
                try note(event, on: connection)
                for (other, end) in displaced {
                    try connection.run(Statement.deleteSession, [appValue, .text(other.handle.rawValue)])
                    if event != nil { try note(end, on: connection) }
                }
                return .created(ended: displaced.map(\.0.handle))
            }
        }
    }

    /// Throws unless something may be added for a tenant; asked in the transaction that adds it.
    func admit(_ tenant: TenantID = .public, on connection: SQLiteConnection) throws(StorageError) {
        guard checksTenants, app != .public || tenant != .public else { return }
        let found = try connection.query(Statement.selectTenant, [appValue, .text(tenant.rawValue)]) { $0.integer(0) }
        guard !found.isEmpty else {
            throw StorageError(.noSuchTenant, "tenant \(tenant.rawValue) of app \(app.rawValue) does not exist")
        }
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try database.readers.read { (connection) throws(StorageError) in try session(handle, on: connection) }
    }

    public func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool {
        try database.readers.read { (connection) throws(StorageError) in
            let values = [appValue, .text(handle.rawValue)] + LivenessBounds(at: now, within: terms).values
            return try connection.query(Statement.selectEnd, values) { (row) throws(StorageError) in
                // An end that is no number is a damaged row and no answer.
                _ = try row.integer(0, of: "session_info", handle.rawValue)
                return row.integer(1) != 0
            }.first ?? false
        }
    }

    private func session(
        _ handle: SessionHandle, on connection: SQLiteConnection
    ) throws(StorageError) -> SessionRecord? {
        try connection.query(Statement.selectSession, [appValue, .text(handle.rawValue)]) {
            (row) throws(StorageError) in try SessionRecord(row: row)
        }.first
    }

    /// A decision that changes nothing is taken from a read alone and costs no write; any other is taken again inside
    /// the write transaction, where nothing can come between.
    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let current = try await session(handle)
        let preview = decide(current, nil)
        if current == nil || (preview.change == .keep && preview.audit == nil) { return preview.outcome }
        Failpoint.reach("sqlite.between-read-and-write")
        return try await database.writer.write(preview.importance) { (connection) throws(StorageError) in
            try apply(decide, to: handle, on: connection)
        }
    }

    private func apply<Outcome>(
        _ decide: (SessionRecord?, Timestamp?) -> Decision<Outcome>, to handle: SessionHandle,
        on connection: SQLiteConnection
    ) throws(StorageError) -> Outcome {
        let current = try session(handle, on: connection)
        let decided = decide(current, nil)
        guard let current else { return decided.outcome }
        switch decided.change {
        case .keep: break
        case .replace(let record):
            let isIndexed =
                (record.tenantID, record.userID, record.createdAt)
                != (current.tenantID, current.userID, current.createdAt)
            try connection.run(
                isIndexed ? Statement.updateSession : Statement.rotateSession, [appValue] + record.columns)
        case .remove: try connection.run(Statement.deleteSession, [appValue, .text(handle.rawValue)])
        }
        Failpoint.reach("sqlite.session-written")
        try note(decided.audit, on: connection)
        return decided.outcome
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        try await HandleList(of: user, tenant: tenant, liveAt: now, within: terms).read(of: app, with: database.readers)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        switch selection {
        case .handles(let handles) where handles.isEmpty: return []
        case .handles(let handles):
            return try await delete(revocation) { _ throws(StorageError) in handles }
        case .user(let user, let tenant, let now, let terms):
            return try await endAll(of: CutOff.Scope(user, in: tenant), liveAt: now, within: terms, revocation)
        case .expired(let now, let limit, let terms): return try await endExpired(now, limit, terms, revocation)
        }
    }

    /// Finds ended sessions without holding up the writer: there is no index on the end, which every refresh would have
    /// to keep, so this looks at many rows.
    ///
    /// The delete asks again whether a session has ended.
    private func endExpired(
        _ now: Timestamp, _ limit: Int, _ terms: SessionTerms, _ revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        let bounds = LivenessBounds(at: now, within: terms).values
        let found = try await database.readers.readAside { (connection) throws(StorageError) in
            try connection.query(Statement.selectExpired, [appValue, .integer(Int64(max(0, limit)))] + bounds) {
                SessionHandle($0.text(0))
            }
        }
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            var removed: [SessionHandle] = []
            for handle in found {
                let values = [appValue, .text(handle.rawValue)] + bounds
                let rows = try connection.query(Statement.deleteExpired, values) { (row) throws(StorageError) in
                    try SessionRecord(row: row)
                }
                guard let record = rows.first else { continue }
                Failpoint.reach("sqlite.session-deleted")
                if let revocation { try note(.revoked(record, revocation, within: terms), on: connection) }
                removed.append(handle)
            }
            return removed
        }
    }

    /// Deletes the sessions that `candidates` finds in the same transaction, and returns which there were.
    func delete(
        _ revocation: Revocation?,
        candidates: @escaping @Sendable (SQLiteConnection) throws(StorageError) -> [SessionHandle]
    ) async throws(StorageError) -> [SessionHandle] {
        try await database.writer.write(.vital) { (connection) throws(StorageError) in
            var removed: [SessionHandle] = []
            for handle in try candidates(connection) {
                let values = [appValue, .text(handle.rawValue)]
                let rows = try connection.query(Statement.deleteSession, values) { EndedRow($0, handle) }
                guard let ended = rows.first else { continue }
                Failpoint.reach("sqlite.session-deleted")
                if let revocation { try note(ended.event(revocation), on: connection) }
                removed.append(handle)
            }
            return removed
        }
    }
}

/// What a statement that deletes a row of sessions returns of it for the audit log.
struct EndedRow {
    private let handle: SessionHandle
    private let tenant: TenantID
    private let user: UserID
    private let details: JSONObject

    /// Reads tenant, user and what `ActorColumn` has about the actor.
    init(_ row: SQLiteRow, _ handle: SessionHandle) {
        self.handle = handle
        (tenant, user) = (TenantID(row.text(0)), UserID(row.text(1)))
        let text = row.text(2)
        details = text == "{}" ? [:] : (try? JSONValue(parsing: text).object) ?? [:]
    }

    /// The audit event of its end.
    func event(_ revocation: Revocation) -> AuditEvent {
        .revoked(handle, tenant: tenant, user: user, revocation, details: details)
    }
}

extension SessionAdmission.Other {
    /// Reads the columns of `Statement.selectLiveOfUser`.
    fileprivate init(row: SQLiteRow) {
        self.init(
            handle: SessionHandle(row.text(0)), tenant: TenantID(row.text(1)),
            createdAt: Timestamp(milliseconds: row.integer(2)),
            rotatedAt: row.isNull(3) ? nil : Timestamp(milliseconds: row.integer(3)),
            flags: SessionTraits.Flags(rawValue: row.integer(4)))
    }
}
