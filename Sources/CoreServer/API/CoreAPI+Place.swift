import CoreDriverInterface
import SessionEngine
import SessionService
import SessionStorage

extension CoreAPI {
    /// An app and a tenant as a path names them.
    struct Place: Sendable {
        /// The app, unless it is the one that this interface stands in front of.
        var app: OpenApp?
        var hasApp: Bool
        var hasTenant: Bool
    }

    /// Finds what a path names; the app `public` with its tenant `public` is not looked for.
    func place(of match: RouteMatch) async throws(ServiceError) -> Place {
        if match.app == .public, match.tenant == .public { return Place(hasApp: true, hasTenant: true) }
        guard let app = try await app(match.app) else {
            return Place(hasApp: match.app == .public, hasTenant: false)
        }
        let hasTenant = app.tenants.contains(match.tenant)
        return Place(app: app.id == .public ? nil : app, hasApp: true, hasTenant: hasTenant)
    }

    /// The interface in front of a place's app.
    func api(in place: Place) async throws -> CoreAPI {
        guard let app = place.app else { return self }
        return CoreAPI(try await app.service.value(), app.settings.core, as: self)
    }

    /// Whether an app has a tenant.
    func exists(_ tenant: TenantID, of id: AppID) async throws(ServiceError) -> Bool {
        if tenant == .public { return true }
        return try await app(id)?.tenants.contains(tenant) ?? false
    }

    private func app(_ id: AppID) async throws(ServiceError) -> OpenApp? {
        do throws(StorageError) { return try await apps?.app(id) } catch { throw .storage(error) }
    }
}
