#if PostgreSQL
    public import Logging
    public import SessionStorage
    import Synchronization

    import PlatformLibC

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
            let watch = IndexWatch(keeper.settings, building)
            watch.start()
            defer { watch.stop() }
            let keeper = keeper
            let state = try keeper.told { () throws(SessionFailure) in .success(try keeper.read(session)) }
            _ = try keeper.told { () throws(SessionFailure) in
                try keeper.apply(keeper.pending(state), session, progress: progress)
                return .success(try keeper.read(session))
            }
        }
    }

    /// Asks now and then, on a thread of its own, how far the building of an index is.
    private final class IndexWatch: Sendable {
        private let settings: PostgresSettings
        private let tell: @Sendable (SchemaPlan.IndexProgress) -> Void
        private let isDone = Atomic(false)

        init(_ settings: PostgresSettings, _ tell: @escaping @Sendable (SchemaPlan.IndexProgress) -> Void) {
            self.settings = settings
            self.tell = tell
        }

        /// Without a thread nothing is told.
        func start() { _ = SystemThread.start { self.look() } }

        func stop() { isDone.store(true, ordering: .relaxed) }

        private func look() {
            guard let session = try? PostgresSession(settings) else { return }
            while !isDone.load(ordering: .relaxed) {
                usleep(200_000)
                let found = try? session.run(
                    """
                    SELECT phase, greatest(blocks_done::float8 / nullif(blocks_total, 0), \
                    tuples_done::float8 / nullif(tuples_total, 0), 0)::text FROM pg_stat_progress_create_index \
                    WHERE datname = current_database()
                    """)
                guard let row = found?.first, let phase = row[0] else { continue }
                tell(SchemaPlan.IndexProgress(phase: phase, share: row[1].flatMap { Double($0) } ?? 0))
            }
        }
    }
#endif
