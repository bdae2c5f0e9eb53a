import CoreConfiguration
import CoreServer
import LosslessJSON
import SessionEngine
import SessionImport
import SessionStorage

/// Makes the apps and tenants of a dump known; those that are there already stay as they are.
struct ImportedApps {
    let directory: any AppDirectory
    let time: Timestamp

    /// Registers every app and tenant, each app before its tenants.
    ///
    /// - Returns: what could not be taken over, as sentences for the operator.
    func register(_ plan: ImportPlan) async throws -> [String] {
        let configuration = try OperatorConfiguration().apps
        var warnings: [String] = []
        for app in plan.apps {
            let others = app.tenants.filter { $0.id != .public }
            let own = app.tenants.first { $0.id == .public } ?? ImportPlan.Tenant(id: .public)
            for tenant in [own] + others {
                let (settings, dropped) = Self.settings(of: tenant, configuration)
                warnings += dropped.map { "app \(app.id.rawValue), tenant \(tenant.id.rawValue): \($0)" }
                let record = TenantRecord(id: tenant.id, createdAt: tenant.createdAt ?? time, settings: settings)
                try await directory.updateTenant(of: app.id) { known in
                    TenantDecision(storing: known?.tenant(tenant.id) == nil ? record : nil, ())
                }
            }
        }
        return warnings
    }

    /// The settings as the directory keeps them; a key that an app cannot have here is left out.
    private static func settings(
        of tenant: ImportPlan.Tenant, _ configuration: AppConfiguration
    ) -> (text: String, dropped: [String]) {
        let config = tenant.configuration.flatMap { try? JSONValue(parsing: $0).object } ?? [:]
        var kept: [JSONObject.Member] = []
        var dropped: [String] = []
        for member in config.members where !member.value.isNull {
            do {
                _ = try configuration.settings(JSONObject([member]))
                kept.append(member)
            } catch {
                dropped.append("\(error.reason); it was left out")
            }
        }
        let object: JSONObject = kept.isEmpty ? [:] : ["coreConfig": .object(JSONObject(kept))]
        return (object.text, dropped)
    }
}
