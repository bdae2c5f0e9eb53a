extension Catalogue {
    /// A field that an operation reads, from the query for GET and from the body for all others.
    struct Field: Sendable {
        enum Need: Sendable {
            case required
            case optional
            /// As ``Catalogue/inputs`` say for the version.
            case versioned
        }

        let name: String
        let type: WireType
        let need: Need
    }

    private static func required(_ name: String, _ type: WireType) -> Field {
        Field(name: name, type: type, need: .required)
    }
    private static func optional(_ name: String, _ type: WireType) -> Field {
        Field(name: name, type: type, need: .optional)
    }
    private static func versioned(_ name: String, _ type: WireType) -> Field {
        Field(name: name, type: type, need: .versioned)
    }

    /// The fields of each operation's request, in no version more than these
    /// (docs/specification/core.md 1.3, 1.6 to 1.8).
    static let fields: [CoreOperation: [Field]] =
        sessionFields.merging(otherFields) { first, _ in first }.merging(tenancyFields) { first, _ in first }

    private static let firstForm = ["emailPasswordEnabled", "thirdPartyEnabled", "passwordlessEnabled"].map {
        optional($0, .boolean)
    }
    private static let secondForm = ["firstFactors", "requiredSecondaryFactors"].map { optional($0, .list(.string)) }

    private static let tenancyFields: [CoreOperation: [Field]] = [
        .putApp: [required("appId", .string), optional("coreConfig", .object)] + firstForm,
        .putAppV2: [required("appId", .string), optional("coreConfig", .object)] + secondForm,
        .putTenant: [required("tenantId", .string), optional("coreConfig", .object)] + firstForm,
        .putTenantV2: [required("tenantId", .string), optional("coreConfig", .object)] + secondForm,
        .listApps: [], .listAppsV2: [], .readTenant: [], .readTenantV2: [], .listTenants: [], .listTenantsV2: [],
        .removeApp: [required("appId", .string)],
        .removeTenant: [required("tenantId", .string)],
    ]

    private static let sessionFields: [CoreOperation: [Field]] = [
        .handshake: [],
        .createSession: [
            required("userId", .string), required("userDataInJWT", .object), required("userDataInDatabase", .object),
            versioned("enableAntiCsrf", .boolean), versioned("useDynamicSigningKey", .boolean),
            versioned("accessTokenValidity", .long),
        ],
        .verifySession: [
            required("accessToken", .string), optional("antiCsrfToken", .string), required("doAntiCsrfCheck", .boolean),
            versioned("enableAntiCsrf", .boolean), versioned("checkDatabase", .boolean),
        ],
        .refreshSession: [
            required("refreshToken", .string), optional("antiCsrfToken", .string),
            versioned("enableAntiCsrf", .boolean), versioned("useDynamicSigningKey", .boolean),
            versioned("accessTokenValidity", .long),
        ],
        .regenerateSession: [required("accessToken", .string), optional("userDataInJWT", .object)],
        .removeSessions: [
            optional("userId", .string), optional("sessionHandles", .list(.string)),
            versioned("revokeAcrossAllTenants", .boolean), versioned("revokeSessionsForLinkedAccounts", .boolean),
        ],
        .removeAndCountSessions: [
            optional("userId", .string), optional("sessionHandle", .string),
            optional("sessionHandles", .list(.string)),
        ],
        .listSessions: [required("userId", .string)],
        .readSession: [required("sessionHandle", .string)],
        .readSessionData: [required("sessionHandle", .string)],
        .writeSessionData: [required("sessionHandle", .string), required("userDataInDatabase", .object)],
        .readPayload: [required("sessionHandle", .string)],
        .writePayload: [required("sessionHandle", .string), required("userDataInJWT", .object)],
    ]

    private static let otherFields: [CoreOperation: [Field]] = [
        .hello: [], .listVersions: [], .publishKeys: [], .listKeys: [], .showTelemetry: [], .listUsers: [],
        .findUsersByAccount: [],
        .showConfiguration: [required("pid", .string)],
        .createToken: [
            required("algorithm", .string), required("jwksDomain", .string), required("payload", .object),
            required("validity", .long), versioned("useStaticSigningKey", .boolean),
        ],
        .countUsers: [optional("includeRecipeIds", .string), versioned("allowApproximate", .boolean)],
        .countActiveUsers: [required("since", .long)],
        .readAuditTrail: [
            optional("before", .long), optional("after", .long), optional("limit", .long),
            optional("sessionHandle", .string), optional("userId", .string), optional("event", .string),
        ],
        .findUser: [required("userId", .string)],
    ]

    /// Fields of which a request has exactly one.
    static let choices: [CoreOperation: [String]] = [
        .removeSessions: ["userId", "sessionHandles"],
        .removeAndCountSessions: ["userId", "sessionHandle", "sessionHandles"],
    ]

    /// Fields that a request may have only beside `userId`.
    static let companionsOfUser: [CoreOperation: [String]] = [
        .removeSessions: ["revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"]
    ]

    /// The fields that a version reads, with whether it has to have them.
    static func fields(
        of operation: CoreOperation, _ dialect: Dialect
    ) -> [(field: Field, presence: Presence)] {
        (fields[operation] ?? []).map { field in
            switch field.need {
            case .required: (field, .required)
            case .optional: (field, .optional)
            case .versioned: (field, dialect.presence(of: field.name, in: operation))
            }
        }
    }
}
