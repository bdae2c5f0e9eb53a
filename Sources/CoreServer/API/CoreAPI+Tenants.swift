import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionStorage

extension CoreAPI {
    func putTenant(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        let request = try call.decode(form == .first ? Catalogue.putTenant : Catalogue.putTenantV2)
        let changes = TenantSettings(request.settings)
        return .choice(Catalogue.made, try await apps.put(request.tenant, of: call.app, makesApp: false, changes))
    }

    func readTenant(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        guard let tenant = try await apps.directory.app(call.app)?.tenant(call.tenant) else {
            return .status("TENANT_NOT_FOUND_ERROR")
        }
        return .json(form.read.encode(try form.reply(tenant)))
    }

    func listTenants(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        guard let app = try await apps.directory.app(call.app) else {
            throw InvalidRequest(.unknownTenant(call.app, call.tenant))
        }
        return .list(Catalogue.tenantsListed, try form.documents(app))
    }

    func removeTenant(_ call: Call, _ apps: AppRegistry) async throws -> CoreReply {
        let tenant = try call.decode(Catalogue.removeTenant).tenant
        let actor = try call.actor()
        guard tenant != .public else { throw InvalidRequest.tenancy(.removesPublicTenant) }
        let isRemoved = try await apps.remove(tenant, of: call.app, by: actor)
        if isRemoved { events.removed(call.app, tenant) }
        return .choice(Catalogue.removed, isRemoved)
    }
}
