extension Catalogue {
    /// The routes by which apps and tenants are made, read and ended.
    ///
    /// The first form came with tenants; the second, with login methods as factors, replaced it without ending it.
    static let tenancyRoutes =
        [
            tenancy(.putApp, .put, "app", .core), tenancy(.putAppV2, .put, "app/v2", .core, second),
            tenancy(.listApps, .get, "app/list", .core), tenancy(.listAppsV2, .get, "app/list/v2", .core, second),
            tenancy(.removeApp, .post, "app/remove", .core),
        ] + [
            tenancy(.putTenant, .put, "tenant", .publicTenant),
            tenancy(.putTenantV2, .put, "tenant/v2", .publicTenant, second),
            tenancy(.readTenant, .get, "tenant", .tenant), tenancy(.readTenantV2, .get, "tenant/v2", .tenant, second),
            tenancy(.listTenants, .get, "tenant/list", .publicTenant),
            tenancy(.listTenantsV2, .get, "tenant/list/v2", .publicTenant, second),
            tenancy(.removeTenant, .post, "tenant/remove", .publicTenant),
        ]

    private static let first = Availability(introduced: "3.0")
    private static let second = Availability(introduced: "5.0")

    private static func tenancy(
        _ operation: CoreOperation, _ method: CoreMethod, _ path: String, _ scope: Scope,
        _ availability: Availability = first
    ) -> Route {
        Route(
            operation: operation, methods: [method], path: "/recipe/multitenancy/\(path)", family: .recipe,
            scope: scope, availability: availability, absence: .notFound)
    }
}
