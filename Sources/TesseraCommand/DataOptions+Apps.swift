import CoreConfiguration
import Logging
import SQLiteStorage
import SessionStorage

#if PostgreSQL
    import PostgresStorage
#endif

extension DataOptions {
    /// Opens the storage beside the cores that run on it, and closes it afterwards.
    ///
    /// - Parameters:
    ///   - node: how this process is named in a database that others share.
    ///   - body: works on it; it gets whether running cores may have it open too.
    func withApps<Result>(
        as node: String, _ body: (any AppDirectory, _ isShared: Bool) async throws -> Result
    ) async throws -> Result {
        let place = try place()
        do {
            #if PostgreSQL
                if dataDir == nil, let settings = try place.database.map(PostgresSettings.make) {
                    let database = try await PostgresDatabase(
                        settings, migrates: false, node: node,
                        logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
                    defer { database.close() }
                    return try await body(database.apps, true)
                }
            #endif
            let folder = Paths.dataFolder(place)
            let database = try SQLiteDatabase(beside: folder)
            return try await body(database.apps, SQLiteDatabase.isInUse(folder: folder))
        } catch let error as StorageError {
            throw Failure(error.detail)
        }
    }
}
