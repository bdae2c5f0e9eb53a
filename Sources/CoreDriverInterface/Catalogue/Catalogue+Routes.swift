extension Catalogue {
    /// The generations of paths (docs/specification/core.md 0).
    static let generations = [
        Generation(
            family: .plain, availability: Availability(obsoleted: "2.4"),
            what: "paths of the first generation: /session, /handshake, /jwt/data",
            reason: "Sessions became one recipe of several."),
        Generation(
            family: .recipe, availability: Availability(introduced: "2.4"),
            what: "paths of the second generation: /recipe/session, /recipe/handshake, /recipe/jwt/data",
            reason: "Sessions became one recipe of several."),
    ]

    /// Every route of every version (docs/specification/core.md 1.3 and 1.4).
    static let routes = versionFreeRoutes + plainRoutes + recipeRoutes + tenancyRoutes

    private static let versionFreeRoutes = [
        versionFree(.hello, CoreMethod.allCases, "/hello", .tenant),
        versionFree(.hello, CoreMethod.allCases, "/", .tenant),
        versionFree(.listVersions, [.get], "/apiversion", .app),
        versionFree(.showConfiguration, [.get], "/config", .core),
        versionFree(.publishKeys, [.get], "/.well-known/jwks.json", .anyTenant),
        versionFree(.showTelemetry, [.get], "/telemetry", .app),
        versionFree(.readAuditTrail, [.get], "/tessera/audit", .app),
        versionFree(.readFeed, [.get], "/tessera/feed", .app),
        versionFree(.stepUpSession, [.post], "/tessera/session/authenticated", .anyTenant),
        versionFree(.revokeWithToken, [.post], "/tessera/session/revoke", .anyTenant),
        versionFree(.explainEnd, [.post], "/tessera/session/end", .anyTenant),
        versionFree(.listCapabilities, [.get], "/tessera/capabilities", .app),
        versionFree(.listDevices, [.get], "/tessera/sessions", .tenant),
        versionFree(.nameDevice, [.put], "/tessera/sessions/label", .anyTenant),
        versionFree(.removeDevices, [.post], "/tessera/sessions/revoke", .tenant),
        versionFree(.forgetDevices, [.post], "/tessera/users/forget", .app),
        versionFree(.upgradeSession, [.post], "/tessera/session/upgrade", .anyTenant),
        versionFree(.impersonateUser, [.post], "/tessera/session/impersonate", .tenant),
        versionFree(.endImpersonation, [.post], "/tessera/session/impersonate/end", .anyTenant),
        versionFree(.noteCredentialChange, [.post], "/tessera/events/credential-change", .app),
        versionFree(.registerDevice, [.post], "/tessera/dbsc/register", .anyTenant),
        versionFree(.renewDevice, [.post], "/tessera/dbsc/refresh", .anyTenant),
        versionFree(.checkDevice, [.post], "/tessera/dbsc/check", .anyTenant),
    ]

    private static let plainRoutes = [
        plain(.handshake, .post, "/handshake"),
        plain(.createSession, .post, "/session"),
        plain(.verifySession, .post, "/session/verify"),
        plain(.refreshSession, .post, "/session/refresh"),
        plain(.listSessions, .get, "/session/user"),
        plain(.readSessionData, .get, "/session/data"),
        plain(.writeSessionData, .put, "/session/data"),
        plain(
            .removeAndCountSessions, .delete, "/session", Availability(obsoleted: "2.0"),
            because: "The handles of the sessions that ended became part of the reply.",
            otherwise: "/session DELETE is only available in CDI 1.0. Please call /session/remove POST instead"),
        plain(
            .removeSessions, .post, "/session/remove", Availability(introduced: "2.0"),
            because: "The handles of the sessions that ended became part of the reply.",
            otherwise: "/session/remove POST is only available in >= CDI 2.0. Please call /session DELETE instead"),
        plain(
            .readPayload, .get, "/jwt/data", Availability(introduced: "2.0"),
            because: "The payload of access tokens can be read and changed."),
        plain(
            .writePayload, .put, "/jwt/data", Availability(introduced: "2.0"),
            because: "The payload of access tokens can be read and changed."),
        plain(
            .regenerateSession, .post, "/session/regenerate", Availability(introduced: "2.0"),
            because: "A changed payload shows at once."),
    ]

    private static let recipeRoutes = [
        recipe(
            .handshake, .post, "/recipe/handshake", .tenant, Availability(obsoleted: "2.21"),
            because: "Tokens name their key; the key set is public."),
        recipe(.createSession, .post, "/recipe/session", .tenant),
        recipe(
            .readSession, .get, "/recipe/session", .anyTenant, Availability(introduced: "2.7"),
            because: "All about one session in one call."),
        recipe(.verifySession, .post, "/recipe/session/verify", .verification),
        recipe(.refreshSession, .post, "/recipe/session/refresh", .anyTenant),
        recipe(.regenerateSession, .post, "/recipe/session/regenerate", .anyTenant),
        recipe(.removeSessions, .post, "/recipe/session/remove", .tenant),
        recipe(.listSessions, .get, "/recipe/session/user", .tenant),
        recipe(.readSessionData, .get, "/recipe/session/data", .anyTenant),
        recipe(.writeSessionData, .put, "/recipe/session/data", .anyTenant),
        recipe(.readPayload, .get, "/recipe/jwt/data", .anyTenant),
        recipe(.writePayload, .put, "/recipe/jwt/data", .anyTenant),
        recipe(
            .createToken, .post, "/recipe/jwt", .app, Availability(introduced: "2.7"),
            because: "Applications sign tokens for purposes of their own."),
        recipe(
            .listKeys, .get, "/recipe/jwt/jwks", .app, Availability(introduced: "2.7"),
            because: "Applications sign tokens for purposes of their own."),
        recipe(
            .countUsers, .get, "/users/count", .tenant, Availability(introduced: "2.5"),
            because: "Dashboards ask about users; a session core knows none."),
        recipe(
            .countActiveUsers, .get, "/users/count/active", .app, Availability(introduced: "2.19"),
            because: "Sessions show who is active."),
        recipe(
            .listUsers, .get, "/users", .tenant, Availability(introduced: "2.5"),
            because: "Dashboards ask about users; a session core knows none."),
        recipe(
            .findUsersByAccount, .get, "/users/by-accountinfo", .tenant, Availability(introduced: "4.0"),
            because: "Accounts can be linked."),
        recipe(
            .findUser, .get, "/user/id", .app, Availability(introduced: "4.0"),
            because: "Accounts can be linked."),
    ]

    private static let notInThisVersion = "CDI version not supported"

    private static func versionFree(
        _ operation: CoreOperation, _ methods: [CoreMethod], _ path: String, _ scope: Scope
    ) -> Route {
        Route(
            operation: operation, methods: methods, path: path, family: .versionFree, scope: scope,
            availability: Availability(), absence: .notFound)
    }

    private static func plain(
        _ operation: CoreOperation, _ method: CoreMethod, _ path: String,
        _ availability: Availability = Availability(), because reason: String = "",
        otherwise text: String = notInThisVersion
    ) -> Route {
        Route(
            operation: operation, methods: [method], path: path, family: .plain, scope: .app,
            availability: availability, absence: .refused(text), reason: reason)
    }

    private static func recipe(
        _ operation: CoreOperation, _ method: CoreMethod, _ path: String, _ scope: Scope,
        _ availability: Availability = Availability(), because reason: String = ""
    ) -> Route {
        Route(
            operation: operation, methods: [method], path: path, family: .recipe, scope: scope,
            availability: availability, absence: .notFound, reason: reason)
    }
}
