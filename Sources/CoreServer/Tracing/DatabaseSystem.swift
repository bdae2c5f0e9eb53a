import Foundations
import OperatorMetrics
import OperatorTracing
import SessionStorage

/// A database as OpenTelemetry names it.
package enum DatabaseSystem: String, Sendable {
    case sqlite, postgresql

    /// Records a step of storage in the trace of the request that it is for; others have none.
    ///
    /// - Parameters:
    ///   - statement: what it was.
    ///   - start: when it began.
    ///   - error: why it failed.
    func record(_ statement: StorageStatement, since start: MonotonicTime, _ error: StorageError? = nil) {
        guard let trace = RequestTrace.current, trace.isSampled else { return }
        let (operation, table) = (statement.operation, statement.table(in: self))
        var content = SpanContent(
            "\(operation) \(table)", .client,
            [
                SpanAttribute("db.system.name", rawValue), SpanAttribute("db.operation.name", operation),
                SpanAttribute("db.collection.name", table),
            ])
        if let error {
            content.hasFailed = true
            content.attributes.append(SpanAttribute("error.type", MetricName.snakeCase(error.code.name)))
            if let state = error.sqlState { content.attributes.append(SpanAttribute("db.response.status_code", state)) }
        }
        trace.addPart(since: start, content)
    }
}

/// What a step of storage mainly is as a statement; what it needs beside that is a part of it.
enum StorageStatement {
    case insertSession, selectSession, updateSession, deleteSessions, changeKeys
    case insertValue, selectValue, updateValue, insertActivity, selectActivity
    case insertAudit, selectAudit, deleteAudit, insertAuditPages, selectAuditPages
    case selectRevocations, deleteRevocations
    case insertStreams, selectStreams, updateStreams, deleteStreams
    case selectEvents, updateEvents, deleteEvents
    case selectAccounts, selectApps, changeApps, deleteApps

    /// What a step is unless it says otherwise.
    static func usual(_ step: StorageStepLabel) -> StorageStatement {
        switch step {
        case .insert: .insertSession
        case .read, .list: .selectSession
        case .update: .updateSession
        case .remove: .deleteSessions
        case .keys: .changeKeys
        case .audit: .selectAudit
        case .upkeep: .insertAuditPages
        }
    }

    var operation: String {
        switch self {
        case .insertSession, .insertValue, .insertActivity, .insertAudit, .insertAuditPages, .insertStreams:
            "INSERT"
        case .selectSession, .selectValue, .selectActivity, .selectAudit, .selectAuditPages, .selectAccounts,
            .selectApps, .selectRevocations, .selectStreams, .selectEvents:
            "SELECT"
        case .updateSession, .changeKeys, .updateValue, .changeApps, .updateStreams, .updateEvents: "UPDATE"
        case .deleteSessions, .deleteAudit, .deleteApps, .deleteRevocations, .deleteStreams, .deleteEvents:
            "DELETE"
        }
    }

    /// The table by its usual name, without what an operator may have put before it.
    func table(in system: DatabaseSystem) -> String {
        switch self {
        case .insertSession, .selectSession, .updateSession, .deleteSessions: "session_info"
        case .changeKeys: system == .sqlite ? "signing_keys" : "session_access_token_signing_keys"
        case .insertValue, .selectValue, .updateValue: "key_value"
        case .insertActivity, .selectActivity: "user_last_active"
        case .insertAudit, .selectAudit, .deleteAudit: system == .sqlite ? "audit_trail" : "tessera_audit_trail"
        case .insertAuditPages, .selectAuditPages: system == .sqlite ? "audit_pages" : "tessera_audit_pages"
        case .selectRevocations, .deleteRevocations: system == .sqlite ? "revocations" : "tessera_revocations"
        case .insertStreams, .selectStreams, .updateStreams, .deleteStreams:
            system == .sqlite ? "event_streams" : "tessera_event_streams"
        case .selectEvents, .updateEvents, .deleteEvents: system == .sqlite ? "event_outbox" : "tessera_event_outbox"
        case .selectAccounts: "all_auth_recipe_users"
        case .selectApps, .changeApps, .deleteApps: "tenants"
        }
    }
}
