import LibPQClient

/// The statements over one set of tables.
///
/// Each commits by itself, and each that a session's operation uses names one row by its key. A write says in its
/// `WHERE` what it expects to find there, so that of many who write one row at once exactly one does, at any isolation
/// level and without a lock of ours. An audit event is inserted by the statement that makes the change.
struct Statements: Sendable {
    let names: TableNames
    let tables: QuotedTables
    /// Whether the tables are those of a SuperTokens core.
    let isInPlace: Bool

    let insertPublicSession: AuditedStatement
    let insertSession: AuditedStatement
    let selectSession: PostgresStatement
    let rotateSession: AuditedStatement
    let replaceSession: AuditedStatement
    let deleteSessionAsRead: AuditedStatement
    let auditSessionAsRead: PostgresStatement
    let deleteSession: AuditedStatement

    init(_ names: TableNames, inPlace: Bool = false) {
        self.names = names
        isInPlace = inPlace
        let tables = QuotedTables(names)
        self.tables = tables
        insertPublicSession = tables.insertPublicSession
        insertSession = tables.insertSession
        selectSession = inPlace ? tables.selectSessionInPlace : tables.selectSession
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
    /// SuperTokens' users of login methods, each with the primary user to whom it is linked.
    let accounts: String
    /// The names that applications gave to SuperTokens' users.
    let accountNames: String
    let auditPages: String
    let salts: String
    let revocations: String
    let eventStreams: String
    let eventOutbox: String

    init(_ names: TableNames) {
        sessions = names.quoted("session_info")
        auditLog = names.quoted("tessera_audit_trail")
        tenants = names.quoted("tenants")
        apps = names.quoted("apps")
        values = names.quoted("key_value")
        keys = names.quoted("tessera_signing_keys")
        users = names.quoted("user_last_active")
        cutOffs = names.quoted("tessera_cut_offs")
        accounts = names.quoted("app_id_to_user_id")
        accountNames = names.quoted("userid_mapping")
        auditPages = names.quoted("tessera_audit_pages")
        salts = names.quoted("tessera_audit_salts")
        revocations = names.quoted("tessera_revocations")
        eventStreams = names.quoted("tessera_event_streams")
        eventOutbox = names.quoted("tessera_event_outbox")
    }
}

/// A write of one row, alone and with an audit event in the same statement.
struct AuditedStatement: Sendable {
    let plain: PostgresStatement
    let withAudit: PostgresStatement

    /// The statement for a change with or without an audit event.
    func statement(withAudit: Bool) -> PostgresStatement { withAudit ? self.withAudit : plain }
}
