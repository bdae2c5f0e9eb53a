import LibPQClient
public import Logging
public import SessionEngine
public import SessionStorage

/// A PostgreSQL database with the sessions and keys of every app, shared by any number of processes.
///
/// Every answer about a session comes from the primary server, and what has been acknowledged is on its disk, and on
/// its synchronous standbys where it has some. Nothing is coordinated but by the rows themselves.
public final class PostgresDatabase: Sendable {
    let client: DatabaseClient
    let statements: Statements
    let sweep = ExpirySweep()
    let horizons = ChainHorizons()
    /// The keys of the SuperTokens core whose schema this is; `nil` where the schema is ours.
    let mirror: SuperTokensKeys?
    /// How often the database was restored from a copy.
    let restoreNumber: UInt8
    /// This process among those that share the database.
    private let node: String

    /// Connects to a database and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - settings: the address of the database, and how it is used.
    ///   - migrates: whether steps that are missing are done; otherwise they are an error.
    ///   - node: a name that no other process has.
    ///   - logger: where the state of the connections is logged; never a secret.
    /// - Throws: `StorageError`: `misconfigured` if an operator has to change a password, a name, a privilege or the
    ///   schema, `newerSchema` if a newer release has changed the schema, `unavailable` if there is no connection.
    public init(
        _ settings: PostgresSettings, migrates: Bool = true, node: String, logger: Logger
    ) async throws(StorageError) {
        let state = try await SchemaMigrator(settings, logger: logger).prepare(migrates: migrates)
        mirror = state.isSuperTokens ? SuperTokensKeys() : nil
        statements = Statements(settings.tables, inPlace: state.isSuperTokens)
        self.node = node
        let opened = try await Self.open(settings.client, statements, logger)
        (client, restoreNumber) = (opened.client, opened.restoreNumber)
    }

    private static func open(
        _ settings: ClientSettings, _ statements: Statements, _ logger: Logger
    ) async throws(StorageError) -> (client: DatabaseClient, restoreNumber: UInt8) {
        let values: NamedValues = [
            "app": .text(AppID.public.rawValue), "name": .text(StoredValueName.restoreNumber.rawValue),
        ]
        let (client, row): (DatabaseClient, PostgresRow?)
        do throws(ClientError) {
            client = try DatabaseClient(settings, logger: logger)
            row = try await client.run(statements.selectValue, values).first
        } catch {
            // The last reference to a client closes it.
            throw StorageError(opening: error)
        }
        return (client, try StoredValueName.restoreNumber(row?.text(0)))
    }

    /// The host, the port and the name of the database, without user and password.
    public var address: String { client.settings.address }

    /// The storage of one app, which takes sessions of any tenant, whether ``apps`` knows it or not.
    public func storage(of app: AppID = .public) -> PostgresSessionStorage {
        PostgresSessionStorage(database: self, app: app, checksTenants: false)
    }

    /// The apps and tenants in this database.
    public var apps: PostgresAppDirectory { PostgresAppDirectory(database: self) }

    /// Throws if an app has sessions and no key to read their refresh tokens with: a new one would sign all users out.
    ///
    /// - Throws: `StorageError.Code.misconfigured` with the app and what to do.
    public func requireRefreshTokenKeys() async throws(StorageError) {
        let values: NamedValues = ["name": .text(StoredValueName.refreshTokenKey.rawValue)]
        let app: String?
        do throws(ClientError) {
            app = try await client.run(statements.selectAppWithoutKey, values).first?.text(0)
        } catch {
            throw StorageError(opening: error)
        }
        if let app { throw StorageError.withoutRefreshTokenKey(app) }
    }

    /// Whether the database answers now; asks it with the first priority.
    ///
    /// A question that takes longer is not cancelled: it is no reason to close a slow connection.
    ///
    /// - Parameter limit: how long to wait.
    public func isReady(within limit: Duration = .milliseconds(1_500)) async -> Bool {
        guard !client.status.isUnreachable else { return false }
        let (answers, first) = AsyncStream.makeStream(of: Bool.self)
        let client = client
        Task {
            let answer = try? await client.run(Self.question, [:], priority: .health)
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

    /// Why nothing can be asked now, in words for an operator; `nil` while a connection works.
    ///
    /// It is known without a statement.
    public var problem: String? {
        client.status.isUnreachable ? client.status.lastFailure ?? "there is no connection" : nil
    }

    /// How many statements wait for a connection now.
    package var waitingStatements: Int { client.waitingCount }

    /// How many of this process's connections work, of how many.
    package var connections: (working: Int, all: Int) { (client.status.connectedCount, client.settings.connections) }

    private static let question = PostgresStatement("ready", .read, "SELECT 1")

    /// Closes the connections.
    public func close() { client.close() }

    /// Runs a statement with the storage's errors.
    ///
    /// - Parameters:
    ///   - statement: the statement.
    ///   - values: the values of its parameters, and of those of `first`.
    ///   - first: a statement that takes a lock before it, in the same transaction.
    ///   - key: the key of the row that it writes.
    ///   - priority: its place among those that wait.
    func run(
        _ statement: PostgresStatement, _ values: NamedValues, after first: PostgresStatement? = nil, key: String = "",
        priority: StatementPriority = .other
    ) async throws(StorageError) -> PostgresResult {
        do throws(ClientError) {
            return try await client.run(statement, values, after: first, key: key, priority: priority)
        } catch {
            throw StorageError(error)
        }
    }

    /// Acquires or renews this node's lease of a minute for a job; returns whether it holds it.
    func acquireLease(for job: String) async throws(StorageError) -> Bool {
        let values: NamedValues = ["job": .text(job), "node": .text(node), "milliseconds": .integer(60_000)]
        return try await run(statements.acquireLease, values, key: job).affected > 0
    }

    /// Lets others finish.
    func pause() async { try? await Task.sleep(for: .milliseconds(5)) }
}
