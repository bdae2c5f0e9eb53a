import Dispatch
import LibPQClient
import Logging
import PlatformLibC
import SessionStorage

/// Reads the schema and does the steps that are missing, online.
struct SchemaMigrator: Sendable {
    /// The steps that a database has.
    struct State: Sendable {
        /// Whose tables there are.
        var kind: SchemaKind
        /// The names of the steps that are done.
        var done: Set<String>
        /// The newest level that is done, and the oldest whose releases it works with.
        var level: Int
        var worksWith: Int
        /// Whether a SuperTokens core made the tables.
        var isSuperTokens: Bool { kind == .superTokens }
    }

    let settings: PostgresSettings
    let logger: Logger

    init(_ settings: PostgresSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    private var tables: TableNames { settings.tables }
    private var newestLevel: Int { settings.newestSchemaLevel }

    /// Reads the schema, and does the missing steps if it migrates.
    func prepare(migrates: Bool) async throws(StorageError) -> State {
        let answer = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(StorageError) in try prepareNow(migrates) })
            }
        }
        return try answer.get()
    }

    private func prepareNow(_ migrates: Bool) throws(StorageError) -> State {
        let connection = try connect()
        let found = try state(connection)
        if found.isSuperTokens {
            let notes = try withStorageErrors { () throws(StatementError) in
                try PlaceOfSuperTokens(names: tables).notes(connection)
            }
            for note in notes { logger.warning("\(note)") }
        }
        let missing = pending(found)
        if missing.isEmpty { return found }
        guard migrates else {
            let names = missing.map(\.name).joined(separator: ", ")
            throw StorageError(
                .misconfigured, "the schema lacks \(names): run 'tessera migrate apply' with the same settings")
        }
        try withStorageErrors { () throws(StatementError) in try apply(missing, connection) { _, _, _ in } }
        return try state(connection)
    }

    /// Connects, with the errors of the storage.
    func connect() throws(StorageError) -> BlockingConnection {
        do throws(ClientError) { return try BlockingConnection(settings.client) } catch { throw StorageError(error) }
    }

    /// Runs statements, with the errors of the storage.
    func withStorageErrors<Value>(_ body: () throws(StatementError) -> Value) throws(StorageError) -> Value {
        do throws(StatementError) { return try body() } catch { throw StorageError(opening: error) }
    }

    /// Reads the state.
    ///
    /// - Throws: `StorageError.Code.newerSchema` if this release does not work with it, and `misconfigured` if the tables
    ///   are not of a kind that can be used.
    func state(_ connection: BlockingConnection) throws(StorageError) -> State {
        let state = try withStorageErrors { () throws(StatementError) in try read(connection) }
        if let refusal = state.kind.refusal(schema: tables.schema) {
            throw StorageError(.misconfigured, "\(refusal.text). What to do: \(refusal.hint)")
        }
        guard state.worksWith <= Self.level(newestLevel, tables) else {
            throw StorageError(
                .newerSchema,
                "the database was changed by a newer release, which this one does not know; update it")
        }
        return state
    }

    private static func level(_ newest: Int, _ tables: TableNames) -> Int {
        min(newest, SchemaMigration.all(tables, onSuperTokens: false).map(\.level).max() ?? 0)
    }

    /// The missing steps.
    func pending(_ state: State) -> [SchemaMigration] {
        SchemaMigration.all(tables, onSuperTokens: state.isSuperTokens)
            .filter { $0.level <= newestLevel && !state.done.contains($0.name) }
    }

    private var marks: String { tables.quoted("tessera_schema_migrations") }

    /// Reads the state.
    func read(_ connection: BlockingConnection) throws(StatementError) -> State {
        let found = try TablesFound.read(connection, tables)
        var state = State(kind: SchemaKind(found, isOurs: false), done: [], level: 0, worksWith: 0)
        guard found.has("tessera_schema_migrations") else { return state }
        state.kind = SchemaKind(found, isOurs: found.has("session_info", ["tessera_version"]))
        for row in try connection.run("SELECT name, level, works_with FROM \(marks)") {
            state.done.insert(row[0] ?? "")
            state.level = max(state.level, row[1].flatMap { Int($0) } ?? 0)
            state.worksWith = max(state.worksWith, row[2].flatMap { Int($0) } ?? 0)
        }
        return state
    }

    /// Does steps, each statement by itself; one process at a time.
    ///
    /// - Parameter progress: called before each statement with it, its number and their count.
    func apply(
        _ steps: [SchemaMigration], _ connection: BlockingConnection,
        progress: (SchemaStatement, Int, Int) -> Void
    ) throws(StatementError) {
        try takeLock(connection)
        defer { _ = try? connection.run("SELECT pg_advisory_unlock(\(Self.lockNumber))") }
        let schema = TableNames.quote(tables.schema)
        let namespaces = try connection.run("SELECT to_regnamespace($1)::text", [.text(schema)])
        if namespaces.first?.first.flatMap(\.self) == nil {
            try connection.run("CREATE SCHEMA IF NOT EXISTS \(schema)")
        }
        try connection.run(
            """
            CREATE TABLE IF NOT EXISTS \(marks) (name TEXT PRIMARY KEY, level INT NOT NULL, \
            works_with INT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())
            """)
        let count = steps.map(\.statements.count).reduce(0, +)
        var number = 0
        let done = try read(connection).done
        for step in steps where !done.contains(step.name) {
            for statement in step.statements {
                number += 1
                progress(statement, number, count)
                try run(statement, connection)
            }
            try connection.run(
                "INSERT INTO \(marks) (name, level, works_with) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                [.text(step.name), .integer(Int64(step.level)), .integer(Int64(step.worksWith))])
            logger.notice("the schema has step \(step.name)")
        }
    }

    private static let lockNumber = 0x7465_7373_6572_61

    /// Acquires the advisory lock without a statement that waits: an index that is built concurrently waits for those.
    private func takeLock(_ connection: BlockingConnection) throws(StatementError) {
        while try connection.run("SELECT pg_try_advisory_lock(\(Self.lockNumber))").first?.first != "t" {
            usleep(50_000)
        }
    }

    /// Runs a statement; for brief locks, sets `lock_timeout` to 100 ms and retries.
    private func run(_ statement: SchemaStatement, _ connection: BlockingConnection) throws(StatementError) {
        if let index = statement.index { try removeUnfinished(index, connection) }
        let limit = statement.lock.isBrief ? "100ms" : "0"
        try connection.run("SET lock_timeout = '\(limit)'")
        for attempt in 1... {
            do throws(StatementError) {
                try connection.run(statement.sql)
                return
            } catch {
                guard error.code == "55P03", attempt < 600 else { throw error }
                usleep(100_000)
            }
        }
    }

    /// Removes an index whose building was interrupted.
    private func removeUnfinished(_ index: String, _ connection: BlockingConnection) throws(StatementError) {
        let found = try connection.run(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", [.text(index)])
        if !found.isEmpty { try connection.run("DROP INDEX CONCURRENTLY IF EXISTS \(index)") }
    }
}

extension Logger {
    /// A logger that writes nothing.
    static let silent = Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() }
}
