#if PostgreSQL
    public import Logging
    public import SessionEngine
    public import SessionStorage

    /// A PostgreSQL database with the sessions and keys of every app, shared by any number of processes.
    ///
    /// Every answer about a session comes from the primary server, and what has been acknowledged is on its disk, and on
    /// its synchronous standbys where it has some. Nothing is coordinated but by the rows themselves.
    public final class PostgresDatabase: Sendable {
        let driver: PostgresDriver
        let statements: Statements
        let sweep = ExpirySweep()
        /// The keys of the SuperTokens core whose schema this is; `nil` where the schema is ours.
        let mirror: SuperTokensKeys?
        /// How often the database was restored from a copy.
        let restoreNumber: UInt8
        /// This process among those that share the database.
        private let node: String

        /// Connects to a database and brings its schema up to date.
        ///
        /// - Parameters:
        ///   - settings: where the database is.
        ///   - migrates: whether steps that are missing are done; otherwise they are an error.
        ///   - node: a name that no other process has.
        ///   - logger: where the connections tell of themselves; never a secret.
        /// - Throws: `StorageError` when there is no connection, or the schema is not what this release can use.
        public init(
            _ settings: PostgresSettings, migrates: Bool = true, node: String, logger: Logger
        ) async throws(StorageError) {
            let schema = SchemaKeeper(settings, logger: logger)
            let state = try await schema.prepare(migrates: migrates)
            mirror = state.isSuperTokens ? SuperTokensKeys() : nil
            statements = Statements(settings.tables)
            driver = try PostgresDriver(settings, logger: logger)
            self.node = node
            let name: [PostgresValue] = [.text(AppID.public.text), .text(StoredValueName.restoreNumber.rawValue)]
            do throws(StorageError) {
                let row = try await driver.run(statements.selectValue, name).first
                restoreNumber = try StoredValueName.restoreNumber(row?.text(0))
            } catch {
                driver.close()
                throw error
            }
        }

        /// Where the database is, without user and password.
        public var address: String { driver.settings.address }

        /// The storage of one app, which takes sessions of any tenant, whether ``apps`` knows it or not.
        public func storage(of app: AppID = .public) -> PostgresSessionStorage {
            PostgresSessionStorage(database: self, app: app, checksTenants: false)
        }

        /// The apps and tenants in this database.
        public var apps: PostgresAppDirectory { PostgresAppDirectory(database: self) }

        /// Whether the database answers now; asks it, with the right of way.
        ///
        /// A question that takes longer goes on without anybody waiting: it is no reason to give up a slow connection.
        ///
        /// - Parameter limit: how long to wait.
        public func isReady(within limit: Duration = .milliseconds(1_500)) async -> Bool {
            guard driver.status.awaySince == nil else { return false }
            let (answers, first) = AsyncStream.makeStream(of: Bool.self)
            let driver = driver
            Task {
                let answer = try? await driver.run(Self.question, [], priority: .health)
                first.yield(answer != nil)
            }
            let timer = Task {
                try await Task.sleep(for: limit)
                first.yield(false)
            }
            defer { timer.cancel() }
            for await isReady in answers { return isReady }
            return false
        }

        private static let question = PostgresStatement("ready", .read, "SELECT 1")

        /// Ends the connections.
        public func close() { driver.close() }

        /// Whether this node is the one that does a job now; the turn lasts a minute after the last time.
        func hasTurn(at job: String) async throws(StorageError) -> Bool {
            let values: [PostgresValue] = [.text(job), .text(node), .integer(60_000)]
            return try await driver.run(statements.takeTurn, values, key: job).affected > 0
        }

        /// Lets others finish.
        func pause() async { try? await Task.sleep(for: .milliseconds(5)) }
    }
#endif
