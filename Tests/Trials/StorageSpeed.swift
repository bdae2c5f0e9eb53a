#if PostgreSQL
    import ArgumentParser
    import Logging
    import LosslessJSON
    import PostgresStorage
    import SessionEngine
    import SessionStorage

    /// How many refreshes a second the storage alone can do: the two statements, without HTTP, tokens and signatures.
    struct StorageSpeed: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "storage-speed", abstract: "Refreshes in a PostgreSQL database, by storage alone.")

        @Option(help: "The database.") var uri: String
        @Option(help: "How many callers.") var callers = 64
        @Option(help: "How many refreshes each of them does.") var count = 1_000

        func run() async throws {
            let database = try await PostgresDatabase(
                PostgresSettings(uri: uri), node: "speed",
                logger: Logger(label: "speed") { _ in SwiftLogNoOpLogHandler() })
            defer { database.close() }
            let (storage, count) = (database.storage(of: .public), count)
            let clock = ContinuousClock()
            let handles = (0..<callers).map { SessionHandle("speed-\($0)") }
            for handle in handles { try await storage.insert(Self.record(handle)) }
            let elapsed = try await clock.measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for handle in handles {
                        group.addTask { for number in 0..<count { try await Self.refresh(handle, number, storage) } }
                    }
                    try await group.waitForAll()
                }
            }
            for handle in handles { _ = try await storage.remove(.handles([handle])) }
            print("refreshes a second: \(Int(Double(callers * count) / (elapsed / .seconds(1))))")
        }

        /// One step of rotation, with its audit event.
        private static func refresh(
            _ handle: SessionHandle, _ number: Int, _ storage: PostgresSessionStorage
        ) async throws {
            let isDone = try await storage.update(handle) { record in
                guard var record else { return Decision(.keep, false) }
                record.previousTokenHash = record.currentTokenHash
                record.currentTokenHash = StoredTokenHash(stored: "\(number)")
                record.rotationCount = record.rotationCount.successor()
                let event = AuditEvent(
                    name: .refreshed, time: record.createdAt, handle: handle, tenantID: .public, userID: record.userID,
                    details: ["generation": .integer(record.rotationCount.rotations)])
                return Decision(.replace(record), true, audit: event)
            }
            if !isDone { throw CleanExit.message("the session is gone") }
        }

        private static func record(_ handle: SessionHandle) -> SessionRecord {
            SessionRecord(
                handle: handle, tenantID: .public, userID: UserID("speed"),
                currentTokenHash: StoredTokenHash(stored: "0"), sessionData: JSONObjectText([:]),
                accessTokenPayload: JSONObjectText([:]), createdAt: Timestamp(milliseconds: 1),
                expiresAt: Timestamp(milliseconds: 4_102_444_800_000), signingKeyKind: .dynamic)
        }
    }
#endif
