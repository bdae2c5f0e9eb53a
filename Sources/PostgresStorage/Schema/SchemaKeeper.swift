#if PostgreSQL
    import Dispatch
    import Logging
    import SessionStorage

    import PlatformLibC

    /// Looks after the schema: what is there, what is missing, and how to get from the one to the other beside the traffic.
    struct SchemaKeeper: Sendable {
        /// What is there.
        struct State: Sendable {
            /// Whether a SuperTokens core made the tables.
            var isSuperTokens: Bool
            /// The names of the steps that are done.
            var done: Set<String>
            /// The newest level that is done, and the oldest whose releases it works with.
            var level: Int
            var worksWith: Int
        }

        let settings: PostgresSettings
        let logger: Logger

        init(_ settings: PostgresSettings, logger: Logger) {
            self.settings = settings
            self.logger = logger
        }

        private var tables: TableNames { settings.tables }
        private var newestLevel: Int { settings.newestSchemaLevel }

        /// Reads what is there, and does what is missing where that is wanted.
        func prepare(migrates: Bool) async throws(StorageError) -> State {
            let answer = await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(returning: Result { () throws(StorageError) in try prepareNow(migrates) })
                }
            }
            return try answer.get()
        }

        private func prepareNow(_ migrates: Bool) throws(StorageError) -> State {
            let session = try PostgresSession(settings)
            return try told { () throws(SessionFailure) in
                let state = try read(session)
                let missing = pending(state)
                if missing.isEmpty { return .success(state) }
                guard migrates else {
                    let names = missing.map(\.name).joined(separator: ", ")
                    return .failure(
                        StorageError(
                            .unavailable,
                            "the schema lacks \(names): run 'tessera migrate apply' with the same settings"))
                }
                try apply(missing, session) { _, _, _ in }
                return .success(try read(session))
            }
        }

        /// Runs statements, with their errors as storage's.
        func told<Value>(
            _ body: () throws(SessionFailure) -> Result<Value, StorageError>
        ) throws(StorageError) -> Value {
            let result: Result<Value, StorageError>
            do throws(SessionFailure) { result = try body() } catch { throw error.state.storageError }
            let value = try result.get()
            if let state = value as? State, state.worksWith > SchemaKeeper.level(newestLevel, tables) {
                throw StorageError(
                    .newerSchema,
                    "the database was changed by a newer release, which this one does not know; update it")
            }
            return value
        }

        private static func level(_ newest: Int, _ tables: TableNames) -> Int {
            min(newest, SchemaStep.all(tables, onSuperTokens: false).map(\.level).max() ?? 0)
        }

        /// The steps that are to be done.
        func pending(_ state: State) -> [SchemaStep] {
            SchemaStep.all(tables, onSuperTokens: state.isSuperTokens)
                .filter { $0.level <= newestLevel && !state.done.contains($0.name) }
        }

        private var marks: String { tables.quoted("tessera_schema_migrations") }

        /// Reads what is there.
        func read(_ session: PostgresSession) throws(SessionFailure) -> State {
            func exists(_ table: String) throws(SessionFailure) -> Bool {
                let found = try session.run("SELECT to_regclass($1)::text", [.text(tables.quoted(table))])
                return found.first?.first.flatMap(\.self) != nil
            }
            var state = State(
                isSuperTokens: try exists("session_access_token_signing_keys"), done: [], level: 0, worksWith: 0)
            guard try exists("tessera_schema_migrations") else { return state }
            for row in try session.run("SELECT name, level, works_with FROM \(marks)") {
                state.done.insert(row[0] ?? "")
                state.level = max(state.level, row[1].flatMap { Int($0) } ?? 0)
                state.worksWith = max(state.worksWith, row[2].flatMap { Int($0) } ?? 0)
            }
            return state
        }

        /// Does steps, each statement by itself; one process at a time.
        ///
        /// - Parameter progress: told before each statement: the statement, its number and how many there are.
        func apply(
            _ steps: [SchemaStep], _ session: PostgresSession,
            progress: (SchemaStatement, Int, Int) -> Void
        ) throws(SessionFailure) {
            try takeLock(session)
            defer { _ = try? session.run("SELECT pg_advisory_unlock(\(Self.lockNumber))") }
            let schema = TableNames.quote(tables.schema)
            let namespaces = try session.run("SELECT to_regnamespace($1)::text", [.text(schema)])
            if namespaces.first?.first.flatMap(\.self) == nil {
                try session.run("CREATE SCHEMA IF NOT EXISTS \(schema)")
            }
            try session.run(
                """
                CREATE TABLE IF NOT EXISTS \(marks) (name TEXT PRIMARY KEY, level INT NOT NULL, \
                works_with INT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())
                """)
            let count = steps.map(\.statements.count).reduce(0, +)
            var number = 0
            let done = try read(session).done
            for step in steps where !done.contains(step.name) {
                for statement in step.statements {
                    number += 1
                    progress(statement, number, count)
                    try run(statement, session)
                }
                try session.run(
                    "INSERT INTO \(marks) (name, level, works_with) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    [.text(step.name), .integer(Int64(step.level)), .integer(Int64(step.worksWith))])
                logger.notice("the schema has step \(step.name)")
            }
        }

        private static let lockNumber = 0x7465_7373_6572_61

        /// Waits for its turn without a statement that waits: an index that is built beside the traffic waits for those.
        private func takeLock(_ session: PostgresSession) throws(SessionFailure) {
            while try session.run("SELECT pg_try_advisory_lock(\(Self.lockNumber))").first?.first != "t" {
                usleep(50_000)
            }
        }

        /// Runs a statement; one that needs a table for itself gives up after 100 ms and tries again, so that nobody
        /// waits behind it for longer.
        private func run(_ statement: SchemaStatement, _ session: PostgresSession) throws(SessionFailure) {
            if let index = statement.index { try removeUnfinished(index, session) }
            let limit = statement.lock == .accessExclusiveBrief ? "100ms" : "0"
            try session.run("SET lock_timeout = '\(limit)'")
            for attempt in 1... {
                do throws(SessionFailure) {
                    try session.run(statement.sql)
                    return
                } catch {
                    guard error.state.code == "55P03", attempt < 600 else { throw error }
                    usleep(100_000)
                }
            }
        }

        /// Removes an index whose building was interrupted.
        private func removeUnfinished(_ index: String, _ session: PostgresSession) throws(SessionFailure) {
            let found = try session.run(
                "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", [.text(index)])
            if !found.isEmpty { try session.run("DROP INDEX CONCURRENTLY IF EXISTS \(index)") }
        }
    }

    extension Logger {
        /// A logger that says nothing.
        static let silent = Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() }
    }
#endif
