import Foundations
import InMemoryStorage
import SessionEngine
import SessionImport
import SessionService
import SessionStorage
import Synchronization
import TestSupport

/// Storages by app, in memory.
final class AppStorages: Sendable {
    private let storages = Mutex<[AppID: InMemorySessionStorage]>([:])

    func storage(of app: AppID) -> InMemorySessionStorage {
        storages.withLock { storages in
            if let storage = storages[app] { return storage }
            let storage = InMemorySessionStorage()
            storages[app] = storage
            return storage
        }
    }
}

/// Shortcuts for tests that import.
enum ImportWorld {
    static func source(_ dump: String, chunkSize: Int = 1 << 16) -> DumpBytes {
        DumpBytes(Array(dump.utf8), chunkSize: chunkSize)
    }

    static func plan(
        _ dump: String, options: ImportOptions = ImportOptions(), now: Timestamp = TestClock().now
    ) throws -> ImportPlan {
        try DumpAnalysis(of: source(dump), options: options, now: now).plan()
    }

    /// Plans and imports.
    @discardableResult
    static func run(
        _ dump: String, options: ImportOptions = ImportOptions(), after rows: Int = 0,
        now: Timestamp = TestClock().now, into storage: @escaping @Sendable (AppID) -> any SessionStorage
    ) async throws -> ImportReport {
        let source = source(dump)
        let plan = try DumpAnalysis(of: source, options: options, now: now).plan()
        return try await Importer(of: source, options: options, now: now, into: storage).run(plan, after: rows)
    }

    /// A core over imported storage.
    static func service(_ storage: any SessionStorage, clock: TestClock = TestClock()) async throws -> SessionManager {
        let dice = TestDice(seed: 7)
        return try await SessionManager(
            storage: storage, clock: ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() }))
    }
}

extension SessionManager {
    /// Verifies and says whether the token is good, and whether it is replaced.
    func isValid(_ token: String, database: Bool = true) async throws -> (valid: Bool, replacement: AccessToken?) {
        let result = try await verify(PresentedAccessToken(accessToken: token, checksDatabase: database))
        if case .valid(_, let replacement, _) = result { return (true, replacement) }
        return (false, nil)
    }

    /// Refreshes and gives the tokens, if there are any.
    func refreshed(_ pair: OldSession.Pair, format: AccessTokenFormat = .v5) async throws -> IssuedTokens? {
        let result = try await refresh(pair, format: format)
        if case .refreshed(let tokens) = result { return tokens }
        return nil
    }

    func refresh(_ pair: OldSession.Pair, format: AccessTokenFormat = .v5) async throws -> RefreshResult {
        try await refresh(
            PresentedRefreshToken(
                refreshToken: pair.refreshToken, antiCSRFToken: pair.antiCSRFToken,
                usesAntiCSRF: pair.antiCSRFToken != nil, format: format))
    }
}

extension RefreshResult {
    var isReuse: Bool {
        if case .reuseDetected = self { true } else { false }
    }
}
