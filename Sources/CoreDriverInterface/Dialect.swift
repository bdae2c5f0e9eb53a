public import SessionEngine

/// Behaviour that differs between versions, by name.
public struct DialectRules: Sendable, Equatable {
    /// The format of access tokens at create and refresh.
    public var accessTokenFormat = AccessTokenFormat.v1
    /// The cookie domain that is told when none is configured.
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
    /// The status of a question about the configuration by somebody who does not know the process.
    public var refusedConfigurationStatus = "NOT ALLOWED"
    /// Whether a refresh puts the new token in the old one's place at once, and a verification changes nothing.
    public var rotatesAtOnce = false
    /// Whether operations of the app are refused under a tenant's path.
    public var refusesTenantsForAppOperations = false
}

/// The catalogue as one version sees it.
public struct Dialect: Sendable {
    /// The version.
    public let version: CDIVersion
    /// Behaviour that differs.
    public let rules: DialectRules
    private let hidden: [ReplyShape: Set<String>]
    private let presences: [CoreOperation: [String: Catalogue.Presence]]

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
        var presences: [CoreOperation: [String: Catalogue.Presence]] = [:]
        for entry in edition.inputs where entry.availability.contains(version) {
            for operation in entry.operations {
                for name in entry.names { presences[operation, default: [:]][name] = entry.presence }
            }
        }
        self.presences = presences
    }

    /// Whether a reply has a member, named by its path such as `session.tenantId`.
    public func shows(_ path: String, in shape: ReplyShape) -> Bool {
        !(hidden[shape]?.contains(path) ?? false)
    }

    /// Whether a request has to, may or cannot have a field that not all versions know.
    public func presence(of name: String, in operation: CoreOperation) -> Catalogue.Presence {
        presences[operation]?[name] ?? .ignored
    }

    /// The dialect of each supported version, made once.
    static let all = Dictionary(uniqueKeysWithValues: Catalogue.supported.map { ($0, Dialect(version: $0)) })
}
