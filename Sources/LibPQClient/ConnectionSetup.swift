import Foundations
import LibPQFunctions

/// The settings of a new connection, and the check that its server may be used.
struct ConnectionSetup {
    /// The server's version and the durability of its commits.
    struct Report: Sendable, Equatable {
        /// Such as 150018.
        var version: Int64
        /// What a commit waits for, as it is from now on.
        var synchronousCommit: String
        /// Whether commits did not wait for the disk until this process asked for it.
        var wasAsynchronous: Bool

        /// Whether a commit that was acknowledged can be lost.
        var losesCommits: Bool { synchronousCommit == "off" }
    }

    enum Verdict {
        case accepted(Report)
        case refused(String)
    }

    private var rows: [[String]] = []
    private var failure: String?

    /// The statements.
    ///
    /// Commits wait for the disk, and for the standbys that the server names, unless the operator has said otherwise in
    /// the connection's own options.
    func sql(_ deadline: Duration) -> String {
        """
        SET statement_timeout = \(deadline.inMilliseconds); SET jit = off; SET default_transaction_isolation = \
        'read committed'; \
        SELECT pg_catalog.set_config(name, '1s', false) FROM pg_catalog.pg_settings \
        WHERE name = 'client_connection_check_interval'; \
        SELECT setting, source FROM pg_catalog.pg_settings WHERE name = 'synchronous_commit'; \
        SELECT pg_catalog.set_config('synchronous_commit', 'on', false) FROM pg_catalog.pg_settings \
        WHERE name = 'synchronous_commit' AND setting = 'off' AND source <> 'client'; \
        SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(), \
        pg_catalog.current_setting('synchronous_commit')
        """
    }

    /// Reads what has arrived; whether everything has.
    mutating func read(from connection: OpaquePointer) -> Bool {
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else { return true }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK: note(PostgresResult(result))
            default:
                failure = StatementError(result).text
                PQclear(result)
            }
        }
        return false
    }

    private mutating func note(_ result: PostgresResult) {
        if let row = result.first { rows.append([row.text(0), row.text(1), row.text(2)]) }
    }

    var verdict: Verdict {
        if let failure { return .refused(failure) }
        // What set_config says comes before and between.
        guard let before = rows.first(where: { !$0[1].isEmpty }), let now = rows.last, rows.count >= 2 else {
            return .refused("cannot read PostgreSQL's settings")
        }
        if now[1] == "t" { return .refused("the server is a standby, and its answers may be old") }
        return .accepted(
            Report(
                version: Int64(now[0]) ?? 0, synchronousCommit: now[2],
                wasAsynchronous: before[0] == "off" && now[2] != "off"))
    }
}
