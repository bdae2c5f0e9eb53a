extension Catalogue {
    /// A member of a reply, by its path such as `session.handle`.
    struct Member: Sendable {
        let path: String
        let type: WireType
        /// Whether each reply that has what is around the member has the member.
        let isAlways: Bool
    }

    /// One of the ways in which an operation ends well or is refused with status 200.
    struct Outcome: Sendable {
        /// The `status` member; `nil` where there is none.
        let status: String?
        /// The shape whose versioned members the reply has; `nil` where all versions answer the same.
        let shape: ReplyShape?
        let members: [Member]
    }

    private static func always(_ type: WireType, _ paths: String...) -> [Member] {
        paths.map { Member(path: $0, type: type, isAlways: true) }
    }
    private static func sometimes(_ type: WireType, _ paths: String...) -> [Member] {
        paths.map { Member(path: $0, type: type, isAlways: false) }
    }

    private static func session(_ others: [Member] = always(.object, "session.userDataInJWT")) -> [Member] {
        always(.string, "session.handle", "session.userId") + others
            + always(.string, "session.tenantId", "session.recipeUserId")
    }

    /// A token with its cookie settings.
    private static func token(_ name: String) -> [Member] {
        [
            always(.string, "\(name).token"), always(.long, "\(name).expiry", "\(name).createdTime"),
            always(.string, "\(name).cookiePath"), always(.boolean, "\(name).cookieSecure"),
            sometimes(.string, "\(name).domain"), always(.string, "\(name).sameSite"),
        ].flatMap(\.self)
    }

    private static let legacyKeys =
        always(.string, "jwtSigningPublicKey") + always(.long, "jwtSigningPublicKeyExpiryTime")
        + always(
            .list(.record(["publicKey": .string, "expiryTime": .long, "createdAt": .long])), "jwtSigningPublicKeyList")

    /// Members that are objects and can be missing as a whole, by shape.
    static let sometimesWhole: [ReplyShape: Set<String>] = [.verified: ["accessToken"], .regenerated: ["accessToken"]]

    /// Every member that a reply of a shape has in any version; ``members`` say which versions have it.
    static let shapes: [ReplyShape: [Member]] = [
        .created: session() + ["accessToken", "refreshToken", "idRefreshToken"].flatMap(token)
            + sometimes(.string, "antiCsrfToken") + legacyKeys,
        .verified: session() + token("accessToken") + sometimes(.boolean, "payloadUpdateAvailable") + legacyKeys,
        .tryRefresh: legacyKeys + always(.string, "message"),
        .refreshed: session() + ["accessToken", "refreshToken", "idRefreshToken"].flatMap(token)
            + sometimes(.string, "antiCsrfToken"),
        .reuseDetected: always(.string, "session.handle", "session.userId", "session.recipeUserId")
            + always(.string, "recentTokenReuseSubtype"),
        .regenerated: session() + token("accessToken"),
        .sessionInformation: always(.string, "sessionHandle", "userId", "recipeUserId")
            + always(.object, "userDataInDatabase", "userDataInJWT") + always(.long, "expiry", "timeCreated")
            + always(.string, "tenantId"),
        .handshake: legacyKeys + sometimes(.string, "cookieDomain")
            + always(.boolean, "cookieSecure", "enableAntiCsrf", "accessTokenBlacklistingEnabled")
            + always(.string, "accessTokenPath", "refreshTokenPath", "cookieSameSite", "idRefreshTokenPath")
            + always(.long, "accessTokenValidity", "refreshTokenValidity", "sessionExpiredStatusCode"),
        .userCount: always(.long, "count") + sometimes(.boolean, "approximate") + sometimes(.long, "asOf"),
    ]

    private static func of(_ shape: ReplyShape, _ status: String = "OK") -> Outcome {
        Outcome(status: status, shape: shape, members: shapes[shape] ?? [])
    }
    private static func plain(_ status: String? = "OK", _ members: [Member] = []) -> Outcome {
        Outcome(status: status, shape: nil, members: members)
    }
    private static let unauthorised = plain("UNAUTHORISED", always(.string, "message"))

    private static let tenancyOutcomes: [CoreOperation: [Outcome]] = {
        let created = [plain("OK", always(.boolean, "createdNew"))]
        let removed = [plain("OK", always(.boolean, "didExist"))]
        let apps = [plain("OK", always(.list(.object), "apps"))]
        let tenants = [plain("OK", always(.list(.object), "tenants"))]
        let tenant = [
            plain(
                "OK",
                always(.string, "tenantId") + always(.object, "coreConfig")
                    + sometimes(.object, "emailPassword", "passwordless", "thirdParty")
                    + sometimes(.list(.string), "firstFactors", "requiredSecondaryFactors")),
            plain("TENANT_NOT_FOUND_ERROR"),
        ]
        return [
            .putApp: created, .putAppV2: created, .putTenant: created, .putTenantV2: created, .removeApp: removed,
            .removeTenant: removed, .listApps: apps, .listAppsV2: apps, .listTenants: tenants, .listTenantsV2: tenants,
            .readTenant: tenant, .readTenantV2: tenant,
        ]
    }()

    /// What each operation answers with status 200
    /// (docs/specification/core.md 1.3, 1.6 to 1.8); a greeting is no JSON and has none.
    static let outcomes = sessionOutcomes.merging(tenancyOutcomes) { first, _ in first }

    private static let sessionOutcomes: [CoreOperation: [Outcome]] = [
        .handshake: [of(.handshake)],
        .createSession: [of(.created)],
        .verifySession: [of(.verified), unauthorised, of(.tryRefresh, "TRY_REFRESH_TOKEN")],
        .refreshSession: [
            of(.refreshed), of(.reuseDetected, "TOKEN_THEFT_DETECTED"),
            Outcome(
                status: "UNAUTHORISED", shape: .reuseDetected,
                members: always(.string, "message") + sometimes(.string, "recentTokenReuseSubtype")),
        ],
        .regenerateSession: [of(.regenerated), unauthorised],
        .removeSessions: [plain("OK", always(.list(.string), "sessionHandlesRevoked"))],
        .removeAndCountSessions: [plain("OK", always(.long, "numberOfSessionsRevoked"))],
        .listSessions: [plain("OK", always(.list(.string), "sessionHandles"))],
        .readSession: [of(.sessionInformation), unauthorised],
        .readSessionData: [plain("OK", always(.object, "userDataInDatabase")), unauthorised],
        .writeSessionData: [plain(), unauthorised],
        .readPayload: [plain("OK", always(.object, "userDataInJWT")), unauthorised],
        .writePayload: [plain(), unauthorised],
        .listVersions: [plain(nil, always(.list(.string), "versions"))],
        .showConfiguration: [plain("OK", always(.string, "path")), plain("NOT ALLOWED"), plain("NOT_ALLOWED")],
        .publishKeys: [plain(nil, always(.list(.object), "keys"))],
        .listKeys: [plain("OK", always(.list(.object), "keys"))],
        .createToken: [plain("OK", always(.string, "jwt")), plain("UNSUPPORTED_ALGORITHM_ERROR")],
        .showTelemetry: [plain(nil, always(.boolean, "exists"))],
        .readAuditTrail: [plain("OK", always(.list(.object), "records") + sometimes(.long, "next"))],
        .countUsers: [of(.userCount)],
        .countActiveUsers: [plain("OK", always(.long, "count"))],
        .listUsers: [plain("OK", always(.list(.object), "users"))],
        .findUsersByAccount: [plain("OK", always(.list(.object), "users"))],
        .findUser: [plain("UNKNOWN_USER_ID_ERROR")],
    ]
}
