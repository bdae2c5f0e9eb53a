@testable import CoreDriverInterface

extension VersionTable {
    /// Method, path, operation, versions (docs/specification/core.md 1.3 and 1.4).
    ///
    /// Earlier than that page has them: core 3.6.1 answered `GET /recipe/session`, `/recipe/jwt` and
    /// `/recipe/jwt/jwks` at CDI 2.7 (recording tr-3.6.1).
    static let routes: [RouteRow] =
        greetings + [
            row(.get, "/apiversion", .listVersions, "1.0-"),
            row(.get, "/config", .showConfiguration, "1.0-"),
            row(.get, "/.well-known/jwks.json", .publishKeys, "1.0-"),
            row(.get, "/telemetry", .showTelemetry, "1.0-"),
            row(.get, "/tessera/audit", .readAuditTrail, "1.0-"),
            row(.post, "/tessera/session/authenticated", .stepUpSession, "1.0-"),
            row(.get, "/tessera/feed", .readFeed, "1.0-"),
            row(.post, "/tessera/session/revoke", .revokeWithToken, "1.0-"),
            row(.post, "/tessera/session/end", .explainEnd, "1.0-"),
            row(.get, "/tessera/capabilities", .listCapabilities, "1.0-"),
            row(.get, "/tessera/sessions", .listDevices, "1.0-"),
            row(.put, "/tessera/sessions/label", .nameDevice, "1.0-"),
            row(.post, "/tessera/sessions/revoke", .removeDevices, "1.0-"),
            row(.post, "/tessera/users/forget", .forgetDevices, "1.0-"),
            row(.post, "/tessera/session/upgrade", .upgradeSession, "1.0-"),
            row(.post, "/tessera/session/impersonate", .impersonateUser, "1.0-"),
            row(.post, "/tessera/session/impersonate/end", .endImpersonation, "1.0-"),
            row(.post, "/tessera/events/credential-change", .noteCredentialChange, "1.0-"),
            row(.post, "/tessera/dbsc/register", .registerDevice, "1.0-"),
            row(.post, "/tessera/dbsc/refresh", .renewDevice, "1.0-"),
            row(.post, "/tessera/dbsc/check", .checkDevice, "1.0-"),

            row(.post, "/handshake", .handshake, "1.0-2.3"),
            row(.post, "/session", .createSession, "1.0-2.3"),
            row(.post, "/session/verify", .verifySession, "1.0-2.3"),
            row(.post, "/session/refresh", .refreshSession, "1.0-2.3"),
            row(.delete, "/session", .removeAndCountSessions, "1.0"),
            row(.post, "/session/remove", .removeSessions, "2.0-2.3"),
            row(.get, "/session/user", .listSessions, "1.0-2.3"),
            row(.get, "/session/data", .readSessionData, "1.0-2.3"),
            row(.put, "/session/data", .writeSessionData, "1.0-2.3"),
            row(.get, "/jwt/data", .readPayload, "2.0-2.3"),
            row(.put, "/jwt/data", .writePayload, "2.0-2.3"),
            row(.post, "/session/regenerate", .regenerateSession, "2.0-2.3"),

            row(.post, "/recipe/handshake", .handshake, "2.4-2.20"),
            row(.post, "/recipe/session", .createSession, "2.4-"),
            row(.get, "/recipe/session", .readSession, "2.7-"),
            row(.post, "/recipe/session/verify", .verifySession, "2.4-"),
            row(.post, "/recipe/session/refresh", .refreshSession, "2.4-"),
            row(.post, "/recipe/session/regenerate", .regenerateSession, "2.4-"),
            row(.post, "/recipe/session/remove", .removeSessions, "2.4-"),
            row(.get, "/recipe/session/user", .listSessions, "2.4-"),
            row(.get, "/recipe/session/data", .readSessionData, "2.4-"),
            row(.put, "/recipe/session/data", .writeSessionData, "2.4-"),
            row(.get, "/recipe/jwt/data", .readPayload, "2.4-"),
            row(.put, "/recipe/jwt/data", .writePayload, "2.4-"),
            row(.post, "/recipe/jwt", .createToken, "2.7-"),
            row(.get, "/recipe/jwt/jwks", .listKeys, "2.7-"),
            row(.get, "/users/count", .countUsers, "2.5-"),
            row(.get, "/users/count/active", .countActiveUsers, "2.19-"),
            row(.get, "/users", .listUsers, "2.5-"),
            row(.get, "/users/by-accountinfo", .findUsersByAccount, "4.0-"),
            row(.get, "/user/id", .findUser, "4.0-"),
        ] + tenancy

    private static let tenancy = [
        row(.put, "/recipe/multitenancy/app", .putApp, "3.0-"),
        row(.put, "/recipe/multitenancy/app/v2", .putAppV2, "5.0-"),
        row(.get, "/recipe/multitenancy/app/list", .listApps, "3.0-"),
        row(.get, "/recipe/multitenancy/app/list/v2", .listAppsV2, "5.0-"),
        row(.post, "/recipe/multitenancy/app/remove", .removeApp, "3.0-"),
        row(.put, "/recipe/multitenancy/tenant", .putTenant, "3.0-"),
        row(.put, "/recipe/multitenancy/tenant/v2", .putTenantV2, "5.0-"),
        row(.get, "/recipe/multitenancy/tenant", .readTenant, "3.0-"),
        row(.get, "/recipe/multitenancy/tenant/v2", .readTenantV2, "5.0-"),
        row(.get, "/recipe/multitenancy/tenant/list", .listTenants, "3.0-"),
        row(.get, "/recipe/multitenancy/tenant/list/v2", .listTenantsV2, "5.0-"),
        row(.post, "/recipe/multitenancy/tenant/remove", .removeTenant, "3.0-"),
    ]

    private static let greetings = ["/hello", "/"].flatMap { path in
        CoreMethod.allCases.map { RouteRow(method: $0, path: path, operation: .hello, span: always) }
    }

    private static func row(
        _ method: CoreMethod, _ path: String, _ operation: CoreOperation, _ span: Span
    ) -> RouteRow {
        RouteRow(method: method, path: path, operation: operation, span: span)
    }
}
