#if PostgreSQL
    import Dispatch
    public import Logging
    public import SessionStorage

    /// What a database's schema lacks, and how it gets there; for operators.
    public struct SchemaPlan: Sendable {
        private let keeper: SchemaKeeper

        /// Whether a SuperTokens core made the tables.
        public let isOnSuperTokens: Bool
        /// The steps that are missing, each with its statements.
        public let steps: [(name: String, statements: [SchemaStatement])]

        /// Reads what is there.
        ///
        /// - Parameters:
        ///   - settings: where the database is.
        ///   - logger: where the steps are told.
        /// - Throws: `StorageError` when the database cannot be read or is of a newer release.
        public init(of settings: PostgresSettings, logger: Logger) throws(StorageError) {
            keeper = SchemaKeeper(settings, logger: logger)
            let session = try PostgresSession(settings)
            let keeper = keeper
            let state = try keeper.told { () throws(SessionFailure) in .success(try keeper.read(session)) }
            isOnSuperTokens = state.isSuperTokens
            steps = keeper.pending(state).map { ($0.name, $0.statements) }
        }

        /// How far the building of an index is.
        public struct IndexProgress: Sendable {
            /// What PostgreSQL calls what it does.
            public let phase: String
            /// How much of it is done, 0 to 1.
            public let share: Double
        }

        /// Does the missing steps, each statement by itself, beside the traffic.
        ///
        /// - Parameters:
        ///   - progress: told before each statement: the statement, its number and how many there are.
        ///   - building: told now and then while an index is built.
        /// - Throws: `StorageError`; what was done stays done, and doing it again goes on from there.
        public func apply(
            progress: (SchemaStatement, Int, Int) -> Void, building: @escaping @Sendable (IndexProgress) -> Void
        ) throws(StorageError) {
            let session = try PostgresSession(keeper.settings)
            let watch = try PostgresSession(keeper.settings)
            let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "tessera.schema"))
            let looker = IndexLooker(watch, building)
            timer.setEventHandler { looker.look() }
            timer.schedule(deadline: .now() + .milliseconds(200), repeating: .milliseconds(200))
            timer.resume()
            defer { timer.cancel() }
            let keeper = keeper
            let state = try keeper.told { () throws(SessionFailure) in .success(try keeper.read(session)) }
            _ = try keeper.told { () throws(SessionFailure) in
                try keeper.apply(keeper.pending(state), session, progress: progress)
                return .success(try keeper.read(session))
            }
        }
    }

    /// Asks how far the building of an index is.
    ///
    /// `@unchecked Sendable`: only the timer's serial queue uses it.
    private final class IndexLooker: @unchecked Sendable {
        private let session: PostgresSession
        private let tell: @Sendable (SchemaPlan.IndexProgress) -> Void

        init(_ session: PostgresSession, _ tell: @escaping @Sendable (SchemaPlan.IndexProgress) -> Void) {
            self.session = session
            self.tell = tell
        }

        func look() {
            let found = try? session.run(
                """
                SELECT phase, greatest(blocks_done::float8 / nullif(blocks_total, 0), \
                tuples_done::float8 / nullif(tuples_total, 0), 0)::text FROM pg_stat_progress_create_index \
                WHERE datname = current_database()
                """)
            guard let row = found?.first, let phase = row[0] else { return }
            tell(SchemaPlan.IndexProgress(phase: phase, share: row[1].flatMap { Double($0) } ?? 0))
        }
    }
#endif
