import Foundations
import LibPQClient
public import Logging
import PlatformLibC
public import SessionStorage
import Synchronization

/// The steps that a database's schema lacks; for operators.
public struct SchemaPlan: Sendable {
    private let migrator: SchemaMigrator

    /// Whether a SuperTokens core made the tables.
    public let isOnSuperTokens: Bool
    /// What an operator should know of a SuperTokens core's tables, as sentences.
    public let notes: [String]
    /// The settings of apps that a SuperTokens core keeps.
    public let appSettings: [AppSettingsFound]
    /// The steps that are missing, each with its statements.
    public let steps: [(name: String, statements: [SchemaStatement])]

    /// Reads the schema.
    ///
    /// - Parameters:
    ///   - settings: where the database is.
    ///   - logger: where the steps are logged.
    /// - Throws: `StorageError` if the database cannot be read or is of a newer release.
    public init(of settings: PostgresSettings, logger: Logger) throws(StorageError) {
        migrator = SchemaMigrator(settings, logger: logger)
        let (connection, migrator) = (try migrator.connect(), migrator)
        let state = try migrator.state(connection)
        isOnSuperTokens = state.isSuperTokens
        let place = PlaceOfSuperTokens(names: settings.tables)
        (notes, appSettings) = try migrator.withStorageErrors { () throws(StatementError) in
            guard state.isSuperTokens else { return ([], []) }
            return (try place.notes(connection), try place.settings(connection))
        }
        steps = migrator.pending(state).map { ($0.name, $0.statements) }
    }

    /// The progress of an index that is built.
    public struct IndexProgress: Sendable {
        /// PostgreSQL's name of the phase.
        public let phase: String
        /// The share that is done, 0 to 1.
        public let share: Double
    }

    /// Does the missing steps online, each statement by itself.
    ///
    /// - Parameters:
    ///   - progress: called before each statement with it, its number and their count.
    ///   - building: called every 0.2 s while an index is built.
    /// - Throws: `StorageError`; what was done stays done, and doing it again resumes there.
    public func apply(
        progress: (SchemaStatement, Int, Int) -> Void, building: @escaping @Sendable (IndexProgress) -> Void
    ) throws(StorageError) {
        let connection = try migrator.connect()
        let watch = IndexWatch(migrator.settings, building)
        watch.start()
        defer { watch.stop() }
        let missing = migrator.pending(try migrator.state(connection))
        let migrator = migrator
        try migrator.withStorageErrors { () throws(StatementError) in
            try migrator.apply(missing, connection, progress: progress)
        }
        _ = try migrator.state(connection)
    }
}

/// Reads the progress of an index every 0.2 s, on a thread of its own.
private final class IndexWatch: Sendable {
    private let settings: PostgresSettings
    private let report: @Sendable (SchemaPlan.IndexProgress) -> Void
    private let isDone = Atomic(false)

    init(_ settings: PostgresSettings, _ report: @escaping @Sendable (SchemaPlan.IndexProgress) -> Void) {
        self.settings = settings
        self.report = report
    }

    /// Starts the thread; without one there are no reports.
    func start() { _ = SystemThread.start { self.look() } }

    func stop() { isDone.store(true, ordering: .relaxed) }

    private func look() {
        guard let connection = try? BlockingConnection(settings.client) else { return }
        while !isDone.load(ordering: .relaxed) {
            usleep(200_000)
            let found = try? connection.run(
                """
                SELECT phase, greatest(blocks_done::float8 / nullif(blocks_total, 0), \
                tuples_done::float8 / nullif(tuples_total, 0), 0)::text FROM pg_stat_progress_create_index \
                WHERE datname = current_database()
                """)
            guard let row = found?.first, let phase = row[0] else { continue }
            report(SchemaPlan.IndexProgress(phase: phase, share: row[1].flatMap { Double($0) } ?? 0))
        }
    }
}
