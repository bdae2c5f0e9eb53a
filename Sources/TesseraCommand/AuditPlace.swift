import CoreConfiguration
import Logging
import SQLiteStorage
import SessionEngine
import SessionStorage

#if PostgreSQL
    import PostgresStorage
#endif

/// The audit log of one app for a command that reads it.
struct AuditPlace: Sendable {
    /// Reads a page.
    let page: @Sendable (AuditQuery) async throws(StorageError) -> [AuditRecord]
    /// Reads its chain.
    let chain: any AuditChainReader
    /// Whether an entry may become visible after one with a larger number.
    let isShared: Bool

    /// Opens the log that the options and the configuration name, reads it and closes it.
    ///
    /// - Parameters:
    ///   - options: where the data are.
    ///   - app: whose audit log.
    ///   - body: reads it.
    static func open<Result>(
        _ options: DataOptions, of app: AppID, _ body: (AuditPlace) async throws -> Result
    ) async throws -> Result {
        let place = try options.place()
        do {
            #if PostgreSQL
                if options.dataDir == nil, let settings = try place.database.map(PostgresSettings.make) {
                    let database = try await PostgresDatabase(
                        settings, migrates: false, node: "audit",
                        logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
                    defer { database.close() }
                    let storage = database.storage(of: app)
                    return try await body(
                        AuditPlace(
                            page: { (query) async throws(StorageError) in try await storage.auditEvents(query) },
                            chain: storage, isShared: true))
                }
            #endif
            let reader = try SQLiteAuditReader(folder: Paths.dataFolder(place))
            return try await body(
                AuditPlace(
                    page: { (query) async throws(StorageError) in try reader.page(query, of: app) },
                    chain: reader.chain(of: app), isShared: false))
        } catch let error as StorageError {
            throw Failure(error.detail)
        }
    }
}
