import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionStorage

extension CoreAPI {
    func putTenant(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        let fields = try call.fields()
        let tenant = try PathName.tenant(try fields.required("tenantId", \.string))
        let changes = try form.settings(fields)
        return Self.created(try await apps.put(tenant, of: call.app, makesApp: false, changes))
    }

    func readTenant(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        guard let tenant = try await apps.directory.app(call.app)?.tenant(call.tenant) else {
            return .status("TENANT_NOT_FOUND_ERROR")
        }
        var document: JSONObject = ["status": "OK"]
        for member in try form.document(tenant).members { document.append(member.name, member.value) }
        return .json(document)
    }

    func listTenants(_ call: Call, _ apps: AppRegistry, _ form: TenantForm) async throws -> CoreReply {
        guard let app = try await apps.directory.app(call.app) else {
            throw InvalidRequest(.unknownTenant(call.app, call.tenant))
        }
        return .json(["status": "OK", "tenants": try form.documents(app)])
    }

    func removeTenant(_ call: Call, _ apps: AppRegistry) async throws -> CoreReply {
        let tenant = try PathName.tenant(try call.fields().required("tenantId", \.string))
        guard tenant != .public else { throw InvalidRequest.tenancy(.removesPublicTenant) }
        return .json(["status": "OK", "didExist": .bool(try await apps.remove(tenant, of: call.app))])
    }
}
