import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage

extension CoreAPI {
    /// Makes, reads and ends apps and tenants; a core without a directory of them knows no such paths.
    func manage(_ call: Call) async throws -> CoreReply {
        guard let apps else { throw InvalidRequest(.notFound) }
        do {
            return try await manage(call, apps)
        } catch let error as StorageError {
            throw ServiceError.storage(error)
        }
    }

    private func manage(_ call: Call, _ apps: AppRegistry) async throws -> CoreReply {
        switch call.operation {
        case .putApp: try await putApp(call, apps, .first)
        case .putAppV2: try await putApp(call, apps, .second)
        case .listApps: try await listApps(apps, .first)
        case .listAppsV2: try await listApps(apps, .second)
        case .removeApp: try await removeApp(call, apps)
        case .putTenant: try await putTenant(call, apps, .first)
        case .putTenantV2: try await putTenant(call, apps, .second)
        case .readTenant: try await readTenant(call, apps, .first)
        case .readTenantV2: try await readTenant(call, apps, .second)
        case .listTenants: try await listTenants(call, apps, .first)
        case .listTenantsV2: try await listTenants(call, apps, .second)
        case .removeTenant: try await removeTenant(call, apps)
        default: throw InvalidRequest(.notFound)
        }
    }

    private func putApp(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        let request = try call.decode(form == .first ? Catalogue.putApp : Catalogue.putAppV2)
        let changes = TenantSettings(request.settings)
        return .choice(Catalogue.made, try await apps.put(.public, of: request.app, makesApp: true, changes))
    }

    private func listApps(_ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        let documents = try await apps.directory.apps().map { app in
            var reply = AppReply()
            (reply.app, reply.tenants) = (app.id.rawValue, try form.documents(app))
            return Catalogue.app.encode(reply)
        }
        return .list(Catalogue.appsListed, JSONObjects(documents))
    }

    private func removeApp(_ call: Call, _ apps: AppRegistry) async throws -> CoreReply {
        let app = try call.decode(Catalogue.removeApp).app
        guard app != .public else { throw InvalidRequest.tenancy(.removesPublicApp) }
        let isRemoved = try await apps.remove(app)
        if isRemoved { events.removed(app) }
        return .choice(Catalogue.removed, isRemoved)
    }
}
