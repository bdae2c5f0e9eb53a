import LibPQClient

/// The statements over one set of tables.
///
/// Each commits by itself, and each that a session's operation uses names one row by its key. A write says in its
/// `WHERE` what it expects to find there, so that of many who write one row at once exactly one does, at any isolation
/// level and without a lock of ours. An audit event is inserted by the statement that makes the change.
struct Statements: Sendable {
    let names: TableNames
    let tables: QuotedTables

    let insertPublicSession: AuditedStatement
    let insertSession: AuditedStatement
    let selectSession: PostgresStatement
    let rotateSession: AuditedStatement
    let replaceSession: AuditedStatement
    let deleteSessionAsRead: AuditedStatement
    let auditSessionAsRead: PostgresStatement
    let deleteSession: AuditedStatement

    init(_ names: TableNames) {
        self.names = names
        let tables = QuotedTables(names)
        self.tables = tables
        insertPublicSession = tables.insertPublicSession
        insertSession = tables.insertSession
        selectSession = tables.selectSession
        rotateSession = tables.rotateSession
        replaceSession = tables.replaceSession
        deleteSessionAsRead = tables.deleteSessionAsRead
        auditSessionAsRead = tables.auditSessionAsRead
        deleteSession = tables.deleteSession
    }
}

/// The tables as they are written in SQL.
struct QuotedTables: Sendable {
    let sessions: String
    let auditLog: String
    let tenants: String
    let apps: String
    let values: String
    let keys: String
    let users: String
    let cutOffs: String

    init(_ names: TableNames) {
        sessions = names.quoted("session_info")
        auditLog = names.quoted("tessera_audit_trail")
        tenants = names.quoted("tenants")
        apps = names.quoted("apps")
        values = names.quoted("key_value")
        keys = names.quoted("tessera_signing_keys")
        users = names.quoted("user_last_active")
        cutOffs = names.quoted("tessera_cut_offs")
    }
}

/// A write of one row, alone and with an audit event in the same statement.
struct AuditedStatement: Sendable {
    let plain: PostgresStatement
    let withAudit: PostgresStatement

    /// The statement for a change with or without an audit event.
    func statement(withAudit: Bool) -> PostgresStatement { withAudit ? self.withAudit : plain }
}
