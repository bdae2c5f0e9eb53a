import Foundations
import LibPQClient
import LosslessJSON
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    /// Two statements in one transaction: the lock of the user, and the one that counts, ends and inserts.
    public func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        try record.checkTexts()
        let predecessor = try await stored(admission.predecessor)
        if admission.predecessor != nil, predecessor == nil { return .predecessorChanged }
        let values =
            record.values + (event?.values ?? .noEvent)
            + LivenessBounds(at: record.createdAt, within: admission.terms).values
            + admission.values(for: record) + [
                "predecessor": .text(predecessor?.record.handle.rawValue),
                "version": .integer(predecessor?.version),
                "readHash": .text(predecessor?.record.currentTokenHash.hex),
                "handle": .text(record.handle.rawValue), "app": .text(app.rawValue),
                "checksTenant": .bool(checksTenants && (app != .public || record.tenantID != .public)),
            ]
        // Without a limit nothing is counted, and only what is replaced ends.
        let lock = admission.limit == nil ? nil : statements.lockUser
        let result = try await database.run(
            statements.admitSession, values, after: lock, key: record.handle.rawValue, priority: .create)
        let rows = result.rows { row in
            (hasPlace: row.bool(0), isWritten: row.bool(1), handle: row.optionalText(2).map { SessionHandle($0) })
        }
        guard rows.last?.hasPlace == true else {
            throw StorageError(
                .noSuchTenant, "tenant \(record.tenantID.rawValue) of app \(app.rawValue) does not exist")
        }
        let handles = rows.compactMap(\.handle)
        if rows.last?.isWritten == true { return .created(ended: handles) }
        // A refusal names the sessions that there are.
        return handles.isEmpty ? .predecessorChanged : .refused(handles)
    }

    /// The row of a session that is as it was read, with its version; `nil` for any other.
    private func stored(_ predecessor: SessionRecord?) async throws(StorageError) -> StoredSession? {
        guard let predecessor else { return nil }
        return try await stored(predecessor.handle, .create).flatMap { $0.record == predecessor ? $0 : nil }
    }
}

extension SessionAdmission {
    /// The values of `Statements.admitSession` about limit and replacement.
    fileprivate func values(for record: SessionRecord) -> NamedValues {
        let limit = Self.counts(record.traits.flags) ? limit : nil
        let tenant: TenantID? = limit?.scope == .tenant ? record.tenantID : nil
        return [
            "limit": .integer(limit.map { Int64($0.count) }), "refuses": .bool(limit?.action == .refuseNew),
            "isByUse": .bool(limit?.action == .evictIdle), "scopeTenant": .text(tenant?.rawValue),
            "replaced": .text(replaced?.rawValue), "replacedDetails": .text(details([:], record)),
            "limitDetails": .text(details(limit?.details ?? [:], record)),
        ]
    }

    private func details(_ details: JSONObject, _ record: SessionRecord) -> String {
        let event = AuditEvent.displaced("", tenant: record.tenantID, by: record, .limit, details)
        return JSONObjectText(event.details).text
    }
}

extension NamedValues {
    /// The values of an audit event that is not written.
    fileprivate static let noEvent: NamedValues = ["event": .text(nil), "eventDetails": .text(nil)]
}
