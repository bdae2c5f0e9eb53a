public import SessionEngine
public import SessionStorage

/// The apps and tenants in a ``SQLiteDatabase``.
public struct SQLiteAppDirectory: AppDirectory {
    let database: SQLiteDatabase

    public func apps() async throws(StorageError) -> [AppRecord] {
        try database.readers.read { (connection) throws(StorageError) in
            AppRecord.collect(
                try connection.query(Statement.selectAllTenants) { (AppID($0.text(0)), TenantRecord(row: $0)) })
        }
    }

    public func names() async throws(StorageError) -> Set<AppID> {
        try database.readers.read { (connection) throws(StorageError) in
            Set(try connection.query(Statement.selectAppNames) { AppID($0.text(0)) })
        }
    }

    public func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>] {
        let rows = try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.selectKeyIDs) { (AppID($0.text(0)), $0.text(1)) }
        }
        let wanted = Set(apps)
        return Dictionary(grouping: rows.filter { wanted.contains($0.0) }, by: \.0).mapValues { Set($0.map(\.1)) }
    }

    public func app(_ id: AppID) async throws(StorageError) -> AppRecord? {
        try database.readers.read { (connection) throws(StorageError) in try app(id, on: connection) }
    }

    private func app(_ id: AppID, on connection: SQLiteConnection) throws(StorageError) -> AppRecord? {
        let tenants = try connection.query(Statement.selectTenantsOfApp, [.text(id.rawValue)]) { TenantRecord(row: $0) }
        return tenants.isEmpty ? nil : AppRecord(id: id, tenants: tenants)
    }

    /// A decision that stores nothing is taken from a read alone.
    public func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let preview = decide(try await self.app(app))
        if preview.stored == nil { return preview.outcome }
        return try await database.writer.write { (connection) throws(StorageError) in
            let current = try self.app(app, on: connection)
            let decision = decide(current)
            if let tenant = decision.stored, current != nil || tenant.id == .public {
                let values: [SQLiteValue] = [
                    .text(app.rawValue), .text(tenant.id.rawValue), .integer(tenant.createdAt.milliseconds),
                    .text(tenant.settings),
                ]
                try connection.run(Statement.storeTenant, values)
            }
            return decision.outcome
        }
    }

    public func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        guard tenant != .public else { return false }
        let values: [SQLiteValue] = [.text(app.rawValue), .text(tenant.rawValue)]
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            guard try connection.run(Statement.deleteTenant, values) > 0 else { return false }
            if let revocation {
                try connection.run(Statement.insertAuditOfTenant, values + revocation.columns)
            }
            try connection.run(Statement.deleteSessionsOfTenant, values)
            return true
        }
    }

    public func removeApp(_ app: AppID) async throws(StorageError) -> Bool {
        guard app != .public else { return false }
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            guard try connection.run(Statement.deleteTenantsOfApp, [.text(app.rawValue)]) > 0 else { return false }
            for statement in Statement.deleteRowsOfApp { try connection.run(statement, [.text(app.rawValue)]) }
            return true
        }
    }

    public func storage(of app: AppID) -> any SessionStorage {
        SQLiteSessionStorage(database: database, app: app, checksTenants: true)
    }
}
