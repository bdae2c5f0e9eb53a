import Foundations
import LibPQClient
public import SessionEngine
public import SessionStorage

/// The diagnostics of a PostgreSQL server for a core: version, settings, privileges, clock, schema and indices.
public struct DatabaseDiagnostics {
    let settings: PostgresSettings
    private let clock: @Sendable () -> Timestamp
    let appLimits: @Sendable (AppSettingsFound) -> (reasons: [String], isServed: Bool)
    private var diagnostics: [Diagnostic] = []

    /// Creates diagnostics, which `run` collects.
    ///
    /// - Parameters:
    ///   - settings: where the database is.
    ///   - clock: this machine's clock.
    ///   - appLimits: what is to be said of an app's settings that a SuperTokens core keeps, and whether it can be served.
    public init(
        of settings: PostgresSettings, clock: @escaping @Sendable () -> Timestamp,
        appLimits: @escaping @Sendable (AppSettingsFound) -> (reasons: [String], isServed: Bool) = { _ in ([], true) }
    ) {
        self.settings = settings
        self.clock = clock
        self.appLimits = appLimits
    }

    /// Runs all checks.
    ///
    /// - Returns: the results in order.
    /// - Throws: `StorageError` when there is no connection.
    public mutating func run() throws(StorageError) -> [Diagnostic] {
        let connection = try SchemaMigrator(settings, logger: .silent).connect()
        do throws(StatementError) {
            try version(connection)
            try role(connection)
            try durability(connection)
            try connections(connection)
            try clocks(connection)
            try privileges(connection)
            try schema(connection)
        } catch {
            note(
                .bad, "the server refused a question: \(error.message)",
                "use a role that may read its catalogue")
        }
        return diagnostics
    }

    mutating func note(_ severity: Diagnostic.Severity, _ text: String, _ hint: String? = nil) {
        diagnostics.append(Diagnostic(severity: severity, text: text, hint: hint))
    }

    func one(_ connection: BlockingConnection, _ sql: String) throws(StatementError) -> String {
        try connection.run(sql).first?.first.flatMap(\.self) ?? ""
    }

    private mutating func version(_ connection: BlockingConnection) throws(StatementError) {
        let number = Int(try one(connection, "SELECT current_setting('server_version_num')")) ?? 0
        let text = try one(connection, "SELECT current_setting('server_version')")
        if number < 130_000 {
            note(.bad, "PostgreSQL \(text)", "upgrade to 13 or newer; 14 or newer finds ended sessions faster")
        } else if number < 140_000 {
            note(.advice, "PostgreSQL \(text)", "14 or newer finds ended sessions without reading the whole table")
        } else {
            note(.good, "PostgreSQL \(text)")
        }
    }

    private mutating func role(_ connection: BlockingConnection) throws(StatementError) {
        if try one(connection, "SELECT pg_is_in_recovery()") == "t" {
            note(
                .bad, "this server is a standby",
                "name the primary, or all servers: postgresql://host1,host2/...?target_session_attrs=read-write")
        } else {
            note(.good, "this server is a primary")
        }
    }

    private mutating func durability(_ connection: BlockingConnection) throws(StatementError) {
        for setting in ["fsync", "full_page_writes"]
        where try one(connection, "SELECT current_setting('\(setting)')") != "on" {
            note(
                .bad, "\(setting) is off: a loss of power can lose or damage what was acknowledged",
                "ALTER SYSTEM SET \(setting) = on; SELECT pg_reload_conf();")
        }
        let commit = try one(connection, "SELECT current_setting('synchronous_commit')")
        let standbys = try one(connection, "SELECT current_setting('synchronous_standby_names')")
        switch (commit, standbys.isEmpty) {
        case ("off", _):
            note(
                .bad, "synchronous_commit is off: a crash loses what was acknowledged a moment ago",
                "ALTER ROLE \(try one(connection, "SELECT quote_ident(current_user)")) SET synchronous_commit = on;")
        case ("local", false):
            note(
                .bad, "synchronous_commit is local: a failover loses what the standby does not have yet",
                "ALTER ROLE \(try one(connection, "SELECT quote_ident(current_user)")) SET synchronous_commit = on;")
        case (_, true):
            note(
                .advice, "synchronous_commit is \(commit), and there is no synchronous standby",
                "set synchronous_standby_names if a standby takes over when this server is lost")
        case (_, false): note(.good, "synchronous_commit is \(commit), with the standbys \(standbys)")
        }
    }

    private mutating func connections(_ connection: BlockingConnection) throws(StatementError) {
        let most = Int(try one(connection, "SELECT current_setting('max_connections')")) ?? 0
        let kept = Int(try one(connection, "SELECT current_setting('superuser_reserved_connections')")) ?? 0
        let question = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        let used = Int(try one(connection, question))
        let free = most - kept - (used ?? 0)
        let text = "\(most) connections at most, \(free) free; a node takes \(settings.connections)"
        if free < settings.connections {
            note(.bad, text, "raise max_connections, or lower postgresql_connection_pool_size")
        } else {
            note(.good, text)
        }
    }

    private mutating func clocks(_ connection: BlockingConnection) throws(StatementError) {
        let before = clock()
        let server =
            Int64(
                try one(connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) ?? 0
        let after = clock()
        let middle = before.milliseconds + (after.milliseconds - before.milliseconds) / 2
        let difference = server - middle
        if abs(difference) > 1_000 {
            note(
                .bad, "the server's clock differs from this machine's by \(difference) ms",
                "let both follow NTP: the lifetimes of sessions depend on the clocks of the nodes")
        } else {
            note(.good, "the server's clock differs by \(difference) ms")
        }
    }
}
