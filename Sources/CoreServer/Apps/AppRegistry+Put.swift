import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionStorage

extension AppRegistry {
    /// Makes a tenant or changes what was decided about one; the tenant `public` of an app makes the app.
    ///
    /// - Parameters:
    ///   - tenant: the tenant.
    ///   - app: its app.
    ///   - makesApp: whether an app that does not exist is made.
    ///   - changes: what the driver says, over what was said before.
    /// - Returns: whether it is new.
    /// - Throws: ``InvalidRequest`` for settings that cannot be taken and ``StorageError``; then nothing was changed.
    func put(_ tenant: TenantID, of app: AppID, makesApp: Bool, _ changes: TenantSettings) async throws -> Bool {
        let (now, readSettings) = (now, readSettings)
        let outcome = try await changing(app) { () async throws(StorageError) in
            try await directory.updateTenant(of: app) { existing in
                let put = TenantPut(app: app, tenant: tenant, makesApp: makesApp, changes: changes, now: now)
                return put.decide(on: existing, readSettings)
            }
        }
        return try outcome.get()
    }
}

/// A tenant creation or update.
private struct TenantPut: Sendable {
    let app: AppID
    let tenant: TenantID
    let makesApp: Bool
    let changes: TenantSettings
    let now: Timestamp

    typealias Outcome = Result<Bool, any Error>

    func decide(on existing: AppRecord?, _ read: AppSettings.Reader) -> TenantDecision<Outcome> {
        do {
            guard existing != nil || makesApp else { throw InvalidRequest(.unknownTenant(app, .public)) }
            let old = existing?.tenant(tenant)
            let before = if let old { try TenantSettings(old) } else { TenantSettings() }
            let settings = before.merging(changes)
            try check(settings, in: existing, read)
            let record = TenantRecord(id: tenant, createdAt: old?.createdAt ?? now, settings: settings.object.text)
            return TenantDecision(storing: record == old ? nil : record, .success(old == nil))
        } catch {
            return TenantDecision(storing: nil, .failure(error))
        }
    }

    /// Throws unless the app can be opened with these settings and all its tenants agree with them.
    private func check(
        _ settings: TenantSettings, in existing: AppRecord?, _ read: AppSettings.Reader
    ) throws {
        if app == .public, tenant == .public {
            guard settings.coreConfig.isEmpty else { throw InvalidRequest.tenancy(.configuresPublicApp) }
        }
        var configs = try (existing?.tenants ?? []).map { ($0.id, try TenantSettings($0).coreConfig) }
        configs.removeAll { $0.0 == tenant }
        // What is stored already may be another core's; only what is new has to mean something.
        let old = try (existing?.tenants ?? []).map { try TenantSettings($0).coreConfig }
        configs.append((tenant, settings.coreConfig))
        let ofApp = configs.first { $0.0 == .public }?.1 ?? [:]
        func appSettings(of config: JSONObject, _ read: AppSettings.Reader) throws(InvalidRequest) -> AppSettings {
            try Self.appSettings(of: config, known: old, read)
        }
        let expected = try appSettings(of: ofApp, read)
        for (id, config) in configs where id != .public {
            for member in config.members {
                var overlaid = ofApp
                overlaid[member.name] = member.value
                guard try appSettings(of: overlaid, read) == expected else {
                    throw InvalidRequest.tenancy(.differsFromApp(key: member.name))
                }
            }
        }
    }

    private static func appSettings(
        of coreConfig: JSONObject, known old: [JSONObject], _ read: AppSettings.Reader
    ) throws(InvalidRequest) -> AppSettings {
        do throws(AppSettingsRefusal) {
            return try AppSettingsRefusal.read(
                coreConfig, ignoring: { key in old.contains { $0[key] == coreConfig[key] } }, read
            ).settings
        } catch {
            throw .tenancy(.coreConfig(error.reason))
        }
    }
}
