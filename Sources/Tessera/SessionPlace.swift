import InMemoryStorage
public import Logging
import SQLiteStorage
public import SessionService
public import SessionStorage
public import TesseraInProcess
public import TesseraSessions

/// Where the sessions of this process are kept.
public struct SessionPlace: Sendable {
    private enum Kind {
        case memory
        case folder(String)
        case storage(any SessionStorage)
    }
    private let kind: Kind

    /// In memory: they are gone with the process.
    public static let memory = SessionPlace(kind: .memory)

    /// In a folder of this machine, in one SQLite file, for one process.
    ///
    /// What has been acknowledged survives `kill -9` and a loss of power. The folder is made if it is not there.
    ///
    /// - Parameter path: the folder, of this user and changed by no other.
    public static func folder(_ path: String) -> SessionPlace { SessionPlace(kind: .folder(path)) }

    /// In a storage of your own choice, such as that of `PostgresStorage`.
    ///
    /// - Parameter storage: the storage of one app.
    public static func storage(_ storage: any SessionStorage) -> SessionPlace { SessionPlace(kind: .storage(storage)) }

    /// The storage.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)`` where the folder cannot be used, in one sentence that says what to do.
    fileprivate func storage() throws(SessionError) -> any SessionStorage {
        switch kind {
        case .memory: return InMemorySessionStorage()
        case .storage(let storage): return storage
        case .folder(let path):
            do throws(StorageError) {
                return try SQLiteDatabase(folder: path).storage()
            } catch {
                throw .misconfigured(error.detail)
            }
        }
    }
}

extension Sessions {
    /// Opens an application's sessions in this process: no network, no other service to run.
    ///
    /// Give them to the application as a service too, `Application(router: router, services: [sessions])`, so that what has
    /// ended is removed.
    ///
    /// - Parameters:
    ///   - app: where the application lives.
    ///   - place: where they are kept, such as `.folder("sessions")`.
    ///   - policy: how long tokens and sessions live.
    ///   - configuration: how sessions are kept in browsers; the defaults are the safe ones.
    ///   - claims: what is put into the payload of every new session.
    ///   - requirements: what every session must fulfil, unless a route says otherwise.
    ///   - hooks: the events that the application handles, or answers itself.
    ///   - clock: the clock and the source of randomness.
    ///   - acceptsClock: whether the clock is right although it is more than 30 days from the time that the storage knows.
    ///   - logger: where faults and thefts are written; never a token.
    /// - Throws: `SessionError.misconfigured(_:)` where settings contradict each other or the folder cannot be used, and
    ///   `SessionError.coreUnavailable(_:)` where the storage cannot be read.
    public convenience init(
        app: AppInfo, storedIn place: SessionPlace, policy: SessionPolicy = SessionPolicy(),
        configuration: SessionConfiguration = SessionConfiguration(), claims: [any SessionClaim] = [],
        requirements: [SessionRequirement] = [], hooks: (any SessionHooks)? = nil, clock: ClockAndRandomness = .system,
        acceptsClock: Bool = false, logger: Logger = Logger(label: "tessera.sessions")
    ) async throws(SessionError) {
        let backend = try await InProcessBackend(
            storage: try place.storage(), policy: policy, clock: clock, acceptsClock: acceptsClock)
        try self.init(
            app: app, configuration: configuration, backend: backend, claims: claims, requirements: requirements,
            hooks: hooks, clock: clock, logger: logger)
    }
}
