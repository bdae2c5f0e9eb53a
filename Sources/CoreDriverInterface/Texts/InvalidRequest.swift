public import SessionEngine

/// The caller's mistake, with the status and the exact text that the cores answer (docs/specification/core.md 1.0).
public struct InvalidRequest: Error, Sendable, Equatable {
    /// The mistakes that have a text of their own.
    public enum Mistake: Sendable, Equatable {
        /// No version knows the path.
        case notFound
        /// The path is known and the method is not one of its own.
        case methodNotSupported
        /// The API key is missing or none of the configured ones.
        case wrongAPIKey
        /// The body is not a JSON object.
        case notJSON
        /// A field of the body is missing or of the wrong type.
        case invalidField(String)
        /// A text has the character U+0000, which no database keeps in a text.
        case zeroCharacter(String)
        /// A text has half of a surrogate pair: it is no Unicode text.
        case loneSurrogate(String)
        /// A text is longer than that many bytes of UTF-8.
        case tooLong(String, most: Int)
        /// A query parameter is missing.
        case missingParameter(String)
        /// The payload cannot travel in an access token.
        case payload(PayloadProblem)
        /// The operation concerns the app and was asked through a tenant.
        case publicTenantOnly
        /// The app or the tenant does not exist.
        case unknownTenant(AppID, TenantID)
        /// The body is larger than the limit.
        case bodyTooLarge
        /// A query parameter is not a number.
        case notALong(String)
        /// A query parameter of this core's extension of the interface has a value that it cannot have; with what it
        /// has to be.
        case invalidParameter(String, expected: String)
        /// A list of devices is asked for with a cursor that this app has not made.
        case unknownCursor
        /// The session that is to stay is not one of the user's.
        case unknownException
        /// A query of this core's own interface has a parameter that is none of these.
        case unknownParameter(known: [String])
        /// The time from which to count is before 1970.
        case negativeSince
        /// A recipe whose users are to be counted is unknown.
        case unknownRecipe(String)
        /// An application-signed JWT is to live for no time at all.
        case validityNotPositive
        /// A new session's authentication is longer ago than its absolute limit.
        case authenticatedTooLongAgo
        /// A session that is to be upgraded has a user already.
        case notAnonymous
        /// The user id of an anonymous session has another form than the core makes.
        case anonymousUserID
        /// A user is to be authenticated in a session in which another person acts as the user.
        case impersonated
        /// The field of a new session's policy cannot be read.
        case policyField
        /// An access token is to live for no time at all or longer than this.
        case accessTokenValidity(most: Milliseconds)
    }

    /// The HTTP status.
    public let status: Int
    /// The text, without the line break that ends it on the wire.
    public let text: String
    /// Whether the text has something in it that the caller sent, so that it must never be read as HTML.
    public let quotesCaller: Bool

    /// A request that is answered 400, or with another status, and a text.
    init(status: Int = 400, _ text: String, quotesCaller: Bool = false) {
        self.status = status
        self.text = text
        self.quotesCaller = quotesCaller
    }

    /// A request with one of the common mistakes.
    public init(_ mistake: Mistake) {
        quotesCaller = mistake.quotesCaller
        switch mistake {
        case .notFound: (status, text) = (404, "Not found")
        case .methodNotSupported: (status, text) = (405, "Method not supported")
        case .wrongAPIKey: (status, text) = (401, "Invalid API key")
        case .notJSON: (status, text) = (400, "Invalid Json Input")
        case .invalidField(let name): (status, text) = (400, "Field name '\(name)' is invalid in JSON input")
        case .zeroCharacter(let name): (status, text) = (400, "Field name '\(name)' has the character U+0000 in it")
        case .loneSurrogate(let name):
            (status, text) = (400, "Field name '\(name)' has half of a surrogate pair in it, which is no Unicode text")
        case .tooLong(let name, let most): (status, text) = (400, "Field name '\(name)' is longer than \(most) bytes")
        case .missingParameter(let name): (status, text) = (400, "Field name '\(name)' is missing in GET request")
        case .payload(let problem): (status, text) = (400, WireText.message(problem))
        case .publicTenantOnly: (status, text) = (403, "Only public tenantId can call this app specific API")
        case .unknownTenant(let app, let tenant): (status, text) = (400, Self.unknown(app, tenant))
        case .bodyTooLarge: (status, text) = (413, "Request body too large")
        case .notALong(let name): (status, text) = (400, "Field name '\(name)' must be a long in the GET request")
        case .invalidParameter(let name, let expected): (status, text) = (400, "'\(name)' must be \(expected)")
        case .unknownCursor: (status, text) = (400, WireText.unknownCursor)
        case .unknownException: (status, text) = (400, WireText.unknownException)
        case .unknownParameter(let known):
            let names = known.joined(separator: ", ")
            (status, text) = (400, "The query has a parameter that is not known. There are: \(names)")
        case .negativeSince: (status, text) = (400, "'since' query parameter must be >= 0")
        case .unknownRecipe(let name): (status, text) = (400, "Unknown recipe ID: \(name)")
        case .validityNotPositive: (status, text) = (400, WireText.validityNotPositive)
        case .authenticatedTooLongAgo: (status, text) = (400, WireText.authenticatedTooLongAgo)
        case .notAnonymous: (status, text) = (400, WireText.notAnonymous)
        case .anonymousUserID: (status, text) = (400, WireText.anonymousUserID)
        case .impersonated: (status, text) = (403, WireText.impersonated)
        case .policyField: (status, text) = (400, WireText.policyField)
        case .accessTokenValidity(let most): (status, text) = (400, WireText.accessTokenValidityOutOfRange(most))
        }
    }

    /// A request whose fields exclude each other.
    public static func contradiction(_ text: Contradiction) -> InvalidRequest { InvalidRequest(text.rawValue) }

    /// Combinations of fields that make no sense.
    public enum Contradiction: String, Sendable {
        /// What to remove is not named by exactly one field.
        case removeTarget = "Invalid JSON input - use one of userId or sessionHandles array"
        /// Whose devices are asked for is not named by exactly one field.
        case listTarget = "Use one of userId or sessionHandle"
        /// Which session's end is to be explained is not named by exactly one field.
        case endTarget = "Invalid JSON input - use one of refreshToken or sessionHandle"
        /// Which devices to end is not named by exactly one field.
        case devicesTarget = "Invalid JSON input - use one of sessionHandles or except"
        /// The same for the oldest drivers.
        case legacyRemoveTarget = "Invalid JSON input - use one of userId, sessionHandle, or sessionHandles array"
        /// A choice of tenants goes with a user only.
        case tenantsWithoutUser = "Invalid JSON input - revokeAcrossAllTenants can only be set if userId is set"
        /// A choice of linked accounts goes with a user only.
        case accountsWithoutUser =
            "Invalid JSON input - revokeSessionsForLinkedAccounts can only be set if userId is set"
    }

    private static func unknown(_ app: AppID, _ tenant: TenantID) -> String {
        "AppId or tenantId not found => Tenant with the following connectionURIDomain, appId and tenantId combination "
            + "not found: (, \(app.rawValue), \(tenant.rawValue))"
    }
}

extension InvalidRequest.Mistake {
    fileprivate var quotesCaller: Bool {
        switch self {
        case .unknownTenant, .unknownRecipe: true
        default: false
        }
    }
}
