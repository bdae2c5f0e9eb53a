import SessionEngine
import Testing

@testable import CoreDriverInterface

/// Which paths of apps and tenants there are in which version (docs/specification/core.md 1.2).
struct TenancyRouteTests {
    private static let manage = "/recipe/multitenancy"
    private static let tenantRefused = "Only public tenantId can call this app specific API"
    private static let baseOnly = "you can call this only from the base connection uri domain, public app and tenant"

    private func answer(_ method: String, _ path: String, _ version: String) -> Result<CoreOperation, InvalidRequest> {
        do throws(InvalidRequest) {
            guard let match = RouteMatch(path: path) else { throw InvalidRequest(.notFound) }
            return .success(try match.operation(method: method, dialect: try match.dialect(header: version)))
        } catch {
            return .failure(error)
        }
    }

    /// Method, path, versions, operation.
    static let accepted: [(String, String, [String], CoreOperation)] = [
        ("PUT", manage + "/app", ["3.0", "4.0", "5.6"], .putApp), ("PUT", manage + "/app/v2", ["5.0"], .putAppV2),
        ("GET", manage + "/app/list", ["3.1"], .listApps), ("GET", manage + "/app/list/v2", ["5.6"], .listAppsV2),
        ("POST", "/appid-public/public" + manage + "/app/remove", ["3.0", "5.6"], .removeApp),
        ("PUT", "/appid-a" + manage + "/tenant", ["3.0", "5.6"], .putTenant),
        ("PUT", "/appid-a/public" + manage + "/tenant/v2", ["5.0"], .putTenantV2),
        ("GET", "/appid-a/t1" + manage + "/tenant", ["3.0", "5.6"], .readTenant),
        ("GET", "/t1" + manage + "/tenant/v2", ["5.0", "5.6"], .readTenantV2),
        ("GET", manage + "/tenant/list", ["3.0"], .listTenants),
        ("GET", manage + "/tenant/list/v2", ["5.0"], .listTenantsV2),
        ("POST", manage + "/tenant/remove", ["3.0", "5.6"], .removeTenant),
        ("POST", "/appid-a/recipe/session", ["2.4", "2.21", "5.6"], .createSession),
        ("POST", "/t1/recipe/session", ["3.0", "5.6"], .createSession),
        ("POST", "/t1/recipe/session/verify", ["3.0", "4.0", "5.0", "5.3", "5.4", "5.5"], .verifySession),
        ("POST", "/appid-a/t1/recipe/session/refresh", ["3.0", "5.3", "5.6"], .refreshSession),
        ("POST", "/t1/recipe/session/regenerate", ["3.1", "5.3", "5.6"], .regenerateSession),
        ("GET", "/t1/recipe/session", ["3.0", "5.3", "5.6"], .readSession),
        ("GET", "/t1/recipe/session/data", ["5.0", "5.6"], .readSessionData),
        ("PUT", "/T1/recipe/session/data/", ["5.3", "5.6"], .writeSessionData),
        ("GET", "/t1/recipe/jwt/data", ["5.0", "5.6"], .readPayload),
        ("PUT", "/appid-a/t1/recipe/jwt/data", ["5.3", "5.6"], .writePayload),
        ("GET", "/appid-a/t1/.well-known/jwks.json", ["3.0", "5.3", "5.6"], .publishKeys),
        ("POST", "/t1/recipe/jwt", ["3.0", "4.0"], .createToken),
    ]

    @Test("finding D1: a path means an operation from its version on", arguments: accepted)
    func acceptedRow(method: String, path: String, versions: [String], operation: CoreOperation) {
        for version in versions { #expect(answer(method, path, version) == .success(operation), "\(version)") }
    }

    /// Method, path, versions, status, text.
    static let refused: [(String, String, [String], Int, String)] = [
        ("PUT", manage + "/app", ["2.4", "2.21"], 404, "Not found"),
        ("PUT", manage + "/app/v2", ["3.0", "4.0"], 404, "Not found"),
        ("GET", manage + "/tenant/list/v2", ["4.0"], 404, "Not found"),
        ("POST", "/t1/recipe/session", ["2.4", "2.21"], 404, "Not found"),
        ("GET", "/t1/recipe/session/user", ["2.21"], 404, "Not found"),
        ("PUT", "/t1" + manage + "/tenant", ["3.0", "5.6"], 403, tenantRefused),
        ("GET", "/appid-a" + manage + "/app/list", ["3.0", "5.6"], 403, baseOnly),
        ("PUT", "/t1" + manage + "/app", ["3.0", "5.6"], 403, baseOnly),
        ("POST", "/t1/recipe/session/verify", ["5.6"], 403, tenantRefused),
        ("GET", "/t1/apiversion", ["5.0", "5.6"], 403, tenantRefused),
        ("GET", "/t1/telemetry", ["5.6"], 403, tenantRefused),
        ("POST", "/t1/recipe/jwt", ["5.0", "5.3", "5.6"], 403, tenantRefused),
        ("GET", "/t1/recipe/jwt/jwks", ["5.0", "5.6"], 403, tenantRefused),
        ("GET", "/appid-a/t1/users/count/active", ["5.0", "5.6"], 403, tenantRefused),
    ]

    @Test("and is refused otherwise", arguments: refused)
    func refusedRow(method: String, path: String, versions: [String], status: Int, text: String) {
        for version in versions {
            guard case .failure(let refusal) = answer(method, path, version) else {
                Issue.record("\(method) \(path) at \(version) was accepted")
                continue
            }
            #expect(refusal.status == status && refusal.text == text, "\(version)")
        }
    }
}
