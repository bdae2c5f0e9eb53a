public import SessionEngine

/// Behaviour that differs between versions, by name.
public struct DialectRules: Sendable, Equatable {
    /// The format of access tokens at create and refresh.
    public var accessTokenFormat = AccessTokenFormat.v1
    /// The cookie domain that is reported when none is configured.
    public var unsetCookieDomain: String? = "localhost"
    /// Whether a refresh has to come with the anti-CSRF token.
    public var checksAntiCSRFAtRefresh = false
    /// Whether a message names the header member that was wrong.
    public var namesHeaderMembers = false
    /// Whether a message names the claim that was missing.
    public var namesMissingClaims = false
    /// What the cores of the time say about a refresh token that does not decrypt.
    public var tagMismatchText = "Tag mismatch!"
    /// Whether a handle's suffix is read as a tenant.
    public var handlesNameTenants = false
    /// Whether a handshake has to come with a JSON object.
    public var readsHandshakeBody = true
    /// Whether a path may begin with a tenant.
    public var pathsNameTenants = false
    /// The status of a question about the configuration by a caller who does not know the process.
    public var refusedConfigurationStatus = "NOT ALLOWED"
    /// When a session rotates.
    public var rotation = Refresh.Rotation.atFirstUse
    /// Whether operations of the app are refused under a tenant's path.
    public var refusesTenantsForAppOperations = false
    /// Whether a verification is refused under a tenant's path.
    public var refusesTenantsForVerification = false
}

/// The catalogue as one version sees it.
public struct Dialect: Sendable {
    /// The version.
    public let version: CDIVersion
    /// Behaviour that differs.
    public let rules: DialectRules
    private let hidden: [ReplyShape: Set<String>]
    private let presences: [ObjectIdentifier: [Catalogue.Presence]]
    /// For each table of a reply whether each member is hidden; only those that hide any are here.
    private let hiddenMembers: [ObjectIdentifier: [Bool]]

    init(version: CDIVersion, edition: Catalogue.Edition = .current) {
        self.version = version
        var rules = DialectRules()
        for rule in edition.rules where rule.availability.contains(version) { rule.apply(&rules) }
        self.rules = rules
        var hidden: [ReplyShape: Set<String>] = [:]
        for entry in edition.members where !entry.availability.contains(version) {
            for shape in entry.shapes { hidden[shape, default: []].formUnion(entry.paths) }
        }
        self.hidden = hidden
        var hiddenMembers: [ObjectIdentifier: [Bool]] = [:]
        for reply in Catalogue.outcomes.values.joined() {
            guard let paths = reply.shape.flatMap({ hidden[$0] }) else { continue }
            hiddenMembers[ObjectIdentifier(reply)] = reply.paths.map(paths.contains)
        }
        self.hiddenMembers = hiddenMembers
        presences = Self.presences(edition.inputs.filter { $0.availability.contains(version) })
    }

    /// Whether each line of each request's table is read, where these are the fields that not all versions read.
    private static func presences(_ inputs: [Catalogue.Input]) -> [ObjectIdentifier: [Catalogue.Presence]] {
        var versioned: [CoreOperation: [String: Catalogue.Presence]] = [:]
        for input in inputs { versioned[input.operation, default: [:]][input.name] = input.presence }
        var presences: [ObjectIdentifier: [Catalogue.Presence]] = [:]
        for request in Catalogue.requests.values {
            presences[ObjectIdentifier(request)] = request.outline.map { line in
                switch line {
                case .field(_, _, .required): .required
                case .field(_, _, .optional), .rule: .optional
                case .field(let name, _, .versioned): versioned[request.operation]?[name] ?? .ignored
                }
            }
        }
        return presences
    }

    /// Whether a reply has a member, named by its path such as `session.tenantId`.
    public func shows(_ path: String, in shape: ReplyShape) -> Bool {
        !(hidden[shape]?.contains(path) ?? false)
    }

    /// Whether each member of a reply is hidden; empty where none is.
    func hiddenMembers(of reply: some ReplyContract) -> [Bool] { hiddenMembers[ObjectIdentifier(reply)] ?? [] }

    /// Whether a reply tells a driver without key ids the key, and whether it tells it several.
    package func takesLegacyKeys(in shape: ReplyShape) -> (key: Bool, list: Bool) {
        (
            shows(Catalogue.legacyKeyMembers.key, in: shape), shows(Catalogue.legacyKeyMembers.list, in: shape)
        )
    }

    /// Whether a request has to, may or cannot have the field of each line of its table.
    func presences(of request: some RequestContract) -> [Catalogue.Presence] {
        presences[ObjectIdentifier(request)] ?? []
    }

    /// Whether a request has to, may or cannot have a field.
    func presence(of name: String, in operation: CoreOperation) -> Catalogue.Presence {
        Catalogue.fields(of: operation, self).first { $0.name == name }?.presence ?? .ignored
    }

    /// The dialect of each supported version, made once.
    static let all = Dictionary(uniqueKeysWithValues: Catalogue.supported.map { ($0, Dialect(version: $0)) })

    /// For tables that every version reads alike.
    package static let unversioned = Catalogue.supported.first.flatMap { all[$0] }

    /// What a version means; `nil` for one that is not spoken here.
    package static func of(_ version: CDIVersion) -> Dialect? { all[version] }

    /// The method and the path by which a version asks for an operation; `nil` when it cannot.
    package func route(of operation: CoreOperation) -> (method: CoreMethod, path: String)? {
        let edition = Catalogue.Edition.current
        let route = edition.routes.first { route in
            route.operation == operation && route.availability.contains(version)
                && edition.availability(of: route.family).contains(version)
        }
        return route.flatMap { route in route.methods.first.map { ($0, route.path) } }
    }
}
