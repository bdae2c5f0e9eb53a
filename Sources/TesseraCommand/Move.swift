#if PostgreSQL
    import ArgumentParser
    import CoreConfiguration
    import Logging
    import PlatformLibC
    import PostgresStorage
    import SQLiteStorage
    import SessionEngine
    import SessionStorage

    /// `tessera move`: from a data folder to PostgreSQL.
    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move the data of a folder into the PostgreSQL database of the configuration.",
            discussion: """
                Stop the core first. Apps, tenants, keys, sessions and users that were last active are copied into a \
                database that has none yet, so that no user has to sign in again. The audit log stays in the folder, and \
                security events have to be delivered before. The folder's database is then renamed, so that no core starts on it. What was interrupted is repeated by the \
                same command.
                """)

        @OptionGroup var options: DatabaseOptions

        @Option(help: "The data folder to move.")
        var dataDir: String

        func run() async throws {
            let settings = try options.settings()
            let folder = Paths.absolute(dataDir)
            guard access("\(folder)/\(SQLiteDatabase.fileName)", F_OK) == 0 else {
                throw Failure("there is no database in \(folder)")
            }
            do {
                let source = try SQLiteDatabase(folder: folder)
                let logger = Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() }
                let target = try await PostgresDatabase(settings, node: "move", logger: logger)
                defer { target.close() }
                let count = try await DataCopy(source: source, target: target.apps).run()
                source.close()
                let moved = "\(source.path).moved"
                guard rename(source.path, moved) == 0 else {
                    throw Failure("everything was copied, and \(source.path) could not be renamed: rename it yourself")
                }
                print("Moved \(count) sessions to \(target.address)")
                print("  The old database is \(moved); delete it when all is well.")
                print("  Its audit log was not moved; 'tessera audit --json' of a copy prints it.")
            } catch let error as StorageError {
                throw Failure(error.detail)
            }
        }
    }

    /// A copy of all that a core needs, from a database file into another storage.
    struct DataCopy {
        let source: SQLiteDatabase
        let target: any AppDirectory

        private static let batch = 500

        /// Copies every app; what is there already is left as it is.
        ///
        /// - Returns: how many sessions there were.
        func run() async throws -> Int {
            let apps = try await source.apps.apps()
            try await refuseOthers(apps)
            for app in apps { try await refuseWaiting(in: app) }
            var total = 0
            for app in apps { total += try source.storage(of: app.id).countSessions() }
            let meter = ProgressMeter(total: Int64(total))
            defer { meter.end() }
            var copied = 0
            for app in apps {
                try await copyTenants(of: app)
                let (from, into) = (source.storage(of: app.id), target.storage(of: app.id))
                try await copyKeys(from: from, into: into)
                try await copySessions(from: from, into: into) { count in
                    copied += count
                    meter.show("moving", part: Int64(copied), of: Int64(total), sessions: copied)
                }
                try await copyActivity(from: from, into: into)
            }
            return copied
        }

        /// A database with keys of its own has sessions that the folder's keys cannot continue.
        private func refuseOthers(_ apps: [AppRecord]) async throws {
            for app in try await target.apps() {
                let name = StoredValueName.refreshTokenKey
                guard let there = try await target.storage(of: app.id).storedValue(name) else { continue }
                let own =
                    apps.contains { $0.id == app.id }
                    ? try await source.storage(of: app.id).storedValue(name) : nil
                guard there == own else {
                    throw Failure(
                        "the app \(app.id.rawValue) in the database has sessions of its own; name an empty database")
                }
            }
        }

        /// What waits for a receiver would be lost: it names entries of an audit log that is not moved.
        private func refuseWaiting(in app: AppRecord) async throws {
            for stream in try await source.storage(of: app.id).eventStreams() where stream.pending > 0 {
                throw Failure(
                    "\(stream.pending) security events of the app \(app.id.rawValue) wait for \(stream.name.rawValue): start "
                        + "the core until they are delivered, or drop them with 'tessera events remove'")
            }
        }

        private func copyTenants(of app: AppRecord) async throws {
            for tenant in app.tenants {
                _ = try await target.updateTenant(of: app.id) { known in
                    TenantDecision(storing: known?.tenant(tenant.id) == tenant ? nil : tenant, ())
                }
            }
        }

        /// Keys are copied as they are stored: encrypted ones stay encrypted.
        private func copyKeys(from: SQLiteSessionStorage, into: any SessionStorage) async throws {
            for name in [StoredValueName.refreshTokenKey, .restoreNumber] {
                guard let value = try await from.storedValue(name) else { continue }
                _ = try await into.value(named: name) { value }
            }
            let keys = try await from.signingKeys()
            _ = try await into.updateSigningKeys { _ in SigningKeyChange(adding: keys) }
        }

        private func copySessions(
            from: SQLiteSessionStorage, into: any SessionStorage, progress: (Int) -> Void
        ) async throws {
            var last: SessionHandle?
            while true {
                let records = try from.sessions(after: last, limit: Self.batch)
                try await withThrowingTaskGroup { group in
                    for record in records {
                        group.addTask {
                            do throws(StorageError) { try await into.insert(record) } catch {
                                guard error.code == .alreadyExists else { throw error }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                progress(records.count)
                guard records.count == Self.batch else { return }
                last = records.last?.handle
            }
        }

        private func copyActivity(from: SQLiteSessionStorage, into: any SessionStorage) async throws {
            var last: UserID?
            while true {
                let users = try from.activity(after: last, limit: Self.batch)
                let seen = Dictionary(users.map { ($0.user, $0.seen) }) { max($0, $1) }
                if !seen.isEmpty { try await into.noteActivity(seen) }
                guard users.count == Self.batch else { return }
                last = users.last?.user
            }
        }
    }
#endif
