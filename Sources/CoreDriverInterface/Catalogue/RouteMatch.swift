public import SessionEngine

/// A known path, before its method and version are looked at.
public struct RouteMatch: Sendable {
    /// The app that the path names.
    public let app: AppID
    /// The tenant that the path names.
    public let tenant: TenantID
    private let routes: [Catalogue.Route]

    /// Finds a path; `nil` when no version knows it.
    ///
    /// Paths of the first generation are exact, and any path written exactly is found at once. All others may begin
    /// with `/appid-<app>` and a tenant, may end with a slash and are case-insensitive (docs/specification/core.md
    /// 1.2).
    public init?(path: String) {
        if let routes = Self.exactPaths[path] {
            self.init(app: .public, tenant: .public, routes: routes)
            return
        }
        guard path.hasPrefix("/") else { return nil }
        var segments = path.lowercased().split(separator: "/")[...]
        if segments.isEmpty { segments = [""] }
        let app = PathName.takeApp(from: &segments)
        if segments.isEmpty { segments = [""] }
        if let routes = Self.otherPaths[Self.path(segments)] {
            self.init(app: app, tenant: .public, routes: routes)
            return
        }
        guard let first = segments.popFirst(), PathName.isTenant(first), !segments.isEmpty,
            let routes = Self.otherPaths[Self.path(segments)]
        else { return nil }
        self.init(app: app, tenant: TenantID(String(first)), routes: routes)
    }

    /// The feature of SuperTokens' core that a path which no version knows asks for; `nil` for one that is about sessions
    /// or about nothing.
    public static func foreignFeature(path: String) -> String? {
        let segments = path.lowercased().split(separator: "/").map(String.init)
        if let recipe = segments.firstIndex(of: "recipe"), recipe <= 2, segments.indices.contains(recipe + 1) {
            let name = segments[recipe + 1]
            if name == "multitenancy", let feature = foreignTenancy(segments[(recipe + 2)...]) { return feature }
            return ["session", "jwt", "handshake", "multitenancy"].contains(name) ? nil : name
        }
        let first = segments.drop { $0.hasPrefix(PathName.appPrefix) }.first ?? ""
        return ["user", "users", "bulk-import", "ee", "requests", "devproductionmode"].contains(first) ? first : nil
    }

    /// What a path below `/recipe/multitenancy` is about, if it is about domains, log-in providers or users.
    private static func foreignTenancy(_ segments: ArraySlice<String>) -> String? {
        let path = segments.joined(separator: "/")
        return ["connectionuridomain", "config/thirdparty", "tenant/user"].first {
            path == $0 || path.hasPrefix("\($0)/")
        }
    }

    init(app: AppID, tenant: TenantID, routes: [Catalogue.Route]) {
        self.app = app
        self.tenant = tenant
        self.routes = routes
    }

    /// The path as the catalogue has it: without app, tenant and the caller's spelling.
    package var route: String? { routes.first?.path }

    /// Whether a request has to show an API key (docs/specification/core.md 1.0).
    public var needsAPIKey: Bool {
        !routes.contains { [.hello, .showConfiguration, .publishKeys].contains($0.operation) }
    }

    /// The dialect of a request.
    ///
    /// - Parameters:
    ///   - header: the `cdi-version` header, if there is one.
    ///   - bounds: the versions that the operator allows.
    /// - Throws: ``InvalidRequest`` for a version that is invalid, is not spoken on this path or is out of bounds.
    public func dialect(header: String?, bounds: VersionBounds = .all) throws(InvalidRequest) -> Dialect {
        try dialect(header: header, bounds: bounds, edition: .current)
    }

    func dialect(
        header: String?, bounds: VersionBounds = .all, edition: Catalogue.Edition
    ) throws(InvalidRequest) -> Dialect {
        guard let family = routes.first?.family else { throw InvalidRequest(.notFound) }
        if family == .versionFree, let version = header.flatMap({ CDIVersion($0) }),
            let dialect = Dialect.all[version]
        {
            return dialect
        }
        guard let header, family != .versionFree else {
            guard let version = bounds.assumedVersion(family), let dialect = Dialect.all[version] else {
                throw InvalidRequest(.notFound)
            }
            if family != .versionFree { try bounds.check(version) }
            return dialect
        }
        guard let version = CDIVersion(header) else {
            throw InvalidRequest(family.malformedVersionText(header), quotesCaller: true)
        }
        guard edition.availability(of: family).contains(version), let dialect = Dialect.all[version] else {
            throw InvalidRequest("cdi-version \(header) not supported", quotesCaller: true)
        }
        try bounds.check(version)
        return dialect
    }

    /// The operation that a method means in a version.
    ///
    /// - Throws: ``InvalidRequest`` when the version, the method or the tenant does not go with the path.
    public func operation(method: String, dialect: Dialect) throws(InvalidRequest) -> CoreOperation {
        let present = routes.filter { $0.availability.contains(dialect.version) }
        guard let route = present.first(where: { $0.accepts(method) }) else {
            throw refusal(method: method, present: present)
        }
        try check(route.scope, dialect.rules)
        return route.operation
    }

    private func check(_ scope: Catalogue.Scope, _ rules: DialectRules) throws(InvalidRequest) {
        if tenant != .public, !rules.pathsNameTenants { throw InvalidRequest(.notFound) }
        switch scope {
        case .tenant, .anyTenant: break
        case .verification:
            if tenant != .public, rules.refusesTenantsForVerification { throw InvalidRequest(.publicTenantOnly) }
        case .app:
            if tenant != .public, rules.refusesTenantsForAppOperations { throw InvalidRequest(.publicTenantOnly) }
        case .publicTenant: if tenant != .public { throw InvalidRequest(.publicTenantOnly) }
        case .core: if app != .public || tenant != .public { throw .tenancy(.notThroughThisPath) }
        }
    }

    private func refusal(method: String, present: [Catalogue.Route]) -> InvalidRequest {
        if case .refused(let text)? = routes.first(where: { $0.accepts(method) })?.absence {
            return InvalidRequest(text)
        }
        return InvalidRequest(present.isEmpty ? .notFound : .methodNotSupported)
    }

    private static let exactPaths = Dictionary(grouping: Catalogue.Edition.current.routes, by: \.path)
    private static let otherPaths = Dictionary(
        grouping: Catalogue.Edition.current.routes.filter { $0.family != .plain }, by: \.path)

    private static func path(_ segments: some Sequence<Substring>) -> String {
        "/" + segments.joined(separator: "/")
    }
}

extension Catalogue.Route {
    fileprivate func accepts(_ method: String) -> Bool { methods.contains { $0.rawValue == method } }
}
