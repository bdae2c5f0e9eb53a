import LibPQClient
public import SessionEngine
public import SessionStorage

/// The apps and tenants in a ``PostgresDatabase``.
public struct PostgresAppDirectory: AppDirectory {
    let database: PostgresDatabase

    private var statements: Statements { database.statements }

    public func apps() async throws(StorageError) -> [AppRecord] {
        AppRecord.collect(
            try await database.run(statements.selectAllTenants, [:]).rows { (row) throws(StorageError) in
                (AppID(row.text(0)), try TenantRecord(row: row))
            })
    }

    public func names() async throws(StorageError) -> Set<AppID> {
        Set(try await database.run(statements.selectAppNames, [:]).rows { AppID($0.text(0)) })
    }

    public func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>] {
        let statement = statements.selectKeyIDs(mirrored: database.mirror != nil)
        let rows = try await database.run(statement, ["apps": .texts(apps.map(\.rawValue))]).rows { row in
            (AppID(row.text(0)), row.text(1))
        }
        return Dictionary(grouping: rows, by: \.0).mapValues { Set($0.map(\.1)) }
    }

    public func app(_ id: AppID) async throws(StorageError) -> AppRecord? { try await stored(id).app }

    private func stored(_ id: AppID) async throws(StorageError) -> (app: AppRecord?, revision: Int64) {
        let result = try await database.run(statements.selectTenantsOfApp, ["app": .text(id.rawValue)])
        let tenants = try result.rows { (row) throws(StorageError) in try TenantRecord(row: row) }
        guard let row = result.first else { return (nil, -1) }
        return (AppRecord(id: id, tenants: tenants), row.integer(4))
    }

    public func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        for _ in 0..<100 {
            let (current, revision) = try await stored(app)
            let decision = decide(current)
            guard let tenant = decision.stored, current != nil || tenant.id == .public else {
                return decision.outcome
            }
            let values: NamedValues = [
                "app": .text(app.rawValue), "tenant": .text(tenant.id.rawValue),
                "created": .integer(tenant.createdAt.milliseconds), "settings": .bytes(Array(tenant.settings.utf8)),
                "revision": .integer(revision),
            ]
            if try await store(tenant, values) { return decision.outcome }
        }
        throw StorageError(.unavailable, "too many others change app \(app.rawValue)")
    }

    /// Stores a tenant, unless its app has changed meanwhile.
    private func store(_ tenant: TenantRecord, _ values: NamedValues) async throws(StorageError) -> Bool {
        guard statements.isInPlace else { return try await database.run(statements.storeTenant, values).count > 0 }
        let kept = SuperTokensTenant(try TenantSettings(tenant), of: tenant.id)
        return try await database.run(statements.storeTenantInPlace, values + kept.values).count > 0
    }

    public func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        guard tenant != .public else { return false }
        let values: NamedValues = ["app": .text(app.rawValue), "tenant": .text(tenant.rawValue)] + revocation.values
        return try await database.run(statements.deleteTenant, values, priority: .revoke).count > 0
    }

    public func removeApp(_ app: AppID) async throws(StorageError) -> Bool {
        guard app != .public else { return false }
        let result = try await database.run(statements.deleteApp, ["app": .text(app.rawValue)], priority: .revoke)
        return (result.first?.integer(0) ?? 0) > 0
    }

    public func storage(of app: AppID) -> any SessionStorage {
        PostgresSessionStorage(database: database, app: app, checksTenants: true)
    }
}
