/// The replies of each operation with status 200 (docs/specification/core.md 1.3, 1.6 to 1.8), their members in the order of the
/// wire; ``members`` say which versions have them.
extension Catalogue {
    package static let created = ReplyTable<TokensReply>(.created, issued + [.status("OK")] + sessionLegacyKeys)
    package static let refreshed = ReplyTable<TokensReply>(.refreshed, issued + [.status("OK")])
    package static let verified = ReplyTable<TokensReply>(
        .verified,
        [
            .always("session", \.session, session), .sometimes("accessToken", \.accessToken, token),
            .sometimes("payloadUpdateAvailable", \.payloadUpdateAvailable), .status("OK"),
        ] + sessionLegacyKeys)
    package static let regenerated = ReplyTable<TokensReply>(
        .regenerated,
        [
            .always("session", \.session, session), .sometimes("accessToken", \.accessToken, token), .status("OK"),
        ])
    package static let tryRefresh = ReplyTable<TokensReply>(
        .tryRefresh, [.status("TRY_REFRESH_TOKEN")] + sessionLegacyKeys + [.always("message", \.message)])
    package static let theftDetected = ReplyTable<TokensReply>(
        .reuseDetected,
        [
            .status("TOKEN_THEFT_DETECTED"), .always("session", \.session, Array(session.prefix(3))),
            .always("recentTokenReuseSubtype", \.reuseClass),
        ])
    /// Recent reuse, where that is not told as theft, and any other refusal of a refresh.
    package static let refreshRefused = ReplyTable<TokensReply>(
        .reuseDetected,
        [
            .status("UNAUTHORISED"), .always("message", \.message),
            .sometimes("recentTokenReuseSubtype", \.reuseClass),
        ])

    private static let issued: [ReplyMember<TokensReply>] = [
        .always("session", \.session, session), .always("accessToken", \.accessToken, token),
        .always("refreshToken", \.refreshToken, token), .always("idRefreshToken", \.idRefreshToken, token),
        .sometimes("antiCsrfToken", \.antiCSRFToken), .sometimes("dbscOffer", \.deviceOffer),
    ]

    private static let session: [ReplyMember<SessionPart>] = [
        .always("handle", \.handle), .always("userId", \.userID), .always("recipeUserId", \.recipeUserID),
        .always("userDataInJWT", \.payload), .always("tenantId", \.tenantID),
    ]

    /// A token with its cookie settings.
    private static let token: [ReplyMember<TokenPart>] = [
        .always("token", \.text), .always("expiry", \.expiresAt), .always("createdTime", \.createdAt),
        .always("cookiePath", \.cookiePath), .always("cookieSecure", \.cookieSecure), .sometimes("domain", \.domain),
        .always("sameSite", \.sameSite),
    ]

    /// The member that tells a driver without key ids the key, and the one that tells it several.
    package static let legacyKeyMembers = (key: "jwtSigningPublicKey", list: "jwtSigningPublicKeyList")

    private static let sessionLegacyKeys: [ReplyMember<TokensReply>] = [
        .always(legacyKeyMembers.key, \.keys.key), .always("jwtSigningPublicKeyExpiryTime", \.keys.expiresAt),
        .always(legacyKeyMembers.list, \.keys.list),
    ]

    package static let handshakeMade = ReplyTable<HandshakeReply>(
        .handshake,
        [
            .status("OK"),
            .always(legacyKeyMembers.key, \.keys.key), .always("jwtSigningPublicKeyExpiryTime", \.keys.expiresAt),
            .always(legacyKeyMembers.list, \.keys.list),
            .sometimes("cookieDomain", \.cookieDomain), .always("cookieSecure", \.cookieSecure),
            .always("accessTokenPath", \.accessTokenPath), .always("refreshTokenPath", \.refreshTokenPath),
            .always("enableAntiCsrf", \.usesAntiCSRF), .always("accessTokenBlacklistingEnabled", \.checksDatabase),
            .always("accessTokenValidity", \.accessTokenValidity),
            .always("refreshTokenValidity", \.refreshTokenValidity), .always("cookieSameSite", \.cookieSameSite),
            .always("idRefreshTokenPath", \.idRefreshTokenPath),
            .always("sessionExpiredStatusCode", \.sessionExpiredStatusCode),
        ])

    package static let sessionRead = ReplyTable<SessionInformationReply>(
        .sessionInformation,
        [
            .always("sessionHandle", \.handle), .always("userId", \.userID), .always("recipeUserId", \.recipeUserID),
            .always("userDataInDatabase", \.data), .always("expiry", \.expiresAt), .always("userDataInJWT", \.payload),
            .always("timeCreated", \.createdAt), .status("OK"), .always("tenantId", \.tenantID),
        ])
    package static let sessionDataRead = ReplyTable<SessionInformationReply>(
        nil, [.status("OK"), .always("userDataInDatabase", \.data)])
    package static let payloadRead = ReplyTable<SessionInformationReply>(
        nil, [.status("OK"), .always("userDataInJWT", \.payload)])
    package static let sessionsRemoved = ReplyTable<HandlesReply>(
        nil, [.status("OK"), .always("sessionHandlesRevoked", \.handles)])
    package static let sessionsListed = ReplyTable<HandlesReply>(
        nil, [.status("OK"), .always("sessionHandles", \.handles)])
    package static let sessionsCounted = ReplyTable<CountReply>(
        nil, [.status("OK"), .always("numberOfSessionsRevoked", \.count)])

    package static let unauthorised = ReplyTable<TextReply>(
        nil, [.status("UNAUTHORISED"), .always("message", \.text)])
    /// With status 409, to callers who have sent a policy.
    package static let sessionLimitReached = ReplyTable<SessionLimitReply>(
        nil,
        [
            .status("SESSION_LIMIT_REACHED"), .always("limit", \.limit), .always("sessionHandles", \.handles),
            .always("message", \.message),
        ])
    /// A bound session gave nothing: status 400, in the form of RFC 6749 section 5.2.
    package static let proofNeeded = ReplyTable<ProofReply>(
        nil, [.always("error", \.error), .sometimes("nonce", \.nonce)])
    package static let tokenRevoked = ReplyTable<ChoiceReply>(nil, [.status("OK"), .always("didExist", \.isSo)])
    package static let endExplained = ReplyTable<EndReply>(
        nil,
        [
            .status("OK"), .always("ended", \.isEnded), .sometimes("cause", \.cause), .sometimes("text", \.text),
            .sometimes("userText", \.userText), .sometimes("endedAt", \.endedAt),
        ])
    package static let capabilitiesListed = ReplyTable<TextsReply>(
        nil, [.status("OK"), .always("capabilities", \.texts)])
    package static let devicesListed = ReplyTable<DevicesReply>(
        nil, [.status("OK"), .always("sessions", \.sessions), .sometimes("next", \.next)])
    package static let devicesForgotten = ReplyTable<CountReply>(nil, [.status("OK"), .always("sessions", \.count)])
    package static let deviceEntry = ReplyTable<DeviceEntry>(
        nil,
        [
            .always("sessionHandle", \.handle), .always("userId", \.userID), .always("recipeUserId", \.recipeUserID),
            .always("tenantId", \.tenantID), .always("created", \.createdAt), .always("lastSeen", \.lastSeen),
            .always("expires", \.expiresAt), .always("device", \.device, device),
            .always("authentication", \.authentication, authentication), .always("limits", \.limits, limits),
            .always("anonymous", \.isAnonymous), .always("impersonated", \.isImpersonated),
            .sometimes("binding", \.binding),
        ])
    private static let device: [ReplyMember<DevicePart>] = [
        .always("label", \.label), .sometimes("userAgent", \.userAgent), .sometimes("firstAddress", \.firstAddress),
        .sometimes("lastAddress", \.lastAddress), .sometimes("country", \.country),
    ]
    private static let authentication: [ReplyMember<AuthenticationPart>] = [
        .always("time", \.time), .sometimes("level", \.level), .sometimes("levelTime", \.levelTime),
        .always("amr", \.methods),
    ]
    private static let limits: [ReplyMember<LimitsPart>] = [
        .sometimes("idle", \.idle), .sometimes("absolute", \.absolute), .always("remembered", \.isRemembered),
    ]

    package static let deviceBound = ReplyTable<DeviceCredentialsReply>(
        nil,
        [
            .status("OK"), .always("sessionIdentifier", \.identifier), .always("cookie", \.cookie),
            .always("challenge", \.challenge), .always("maxAge", \.cookieSeconds),
        ])
    /// The offer is not good, or the session is bound already.
    package static let deviceRefused = status("REFUSED")
    package static let deviceChallenged = ReplyTable<DeviceCredentialsReply>(
        nil, [.status("CHALLENGE"), .always("challenge", \.challenge)])
    /// What a backend is answered that says something about a browser's device, which is to show it in a moment.
    package static let deviceNotYet = status("TRY_LATER")
    /// The browser may forget the key.
    package static let deviceEnded = status("ENDED")
    package static let deviceChecked = ReplyTable<TextReply>(nil, [.status("OK"), .always("standing", \.text)])

    package static let done = ReplyTable<StatusReply>(nil, [.status("OK")])

    package static let versionsListed = ReplyTable<TextsReply>(nil, [.always("versions", \.texts)])
    package static let configurationShown = ReplyTable<TextReply>(nil, [.status("OK"), .always("path", \.text)])
    package static let keysPublished = ReplyTable<ListReply>(nil, [.always("keys", \.objects)])
    package static let keysListed = ReplyTable<ListReply>(nil, [.always("keys", \.objects), .status("OK")])
    package static let tokenCreated = ReplyTable<TextReply>(nil, [.status("OK"), .always("jwt", \.text)])
    package static let telemetryShown = ReplyTable<ChoiceReply>(nil, [.always("exists", \.isSo)])
    package static let auditRead = ReplyTable<ListReply>(
        nil, [.status("OK"), .always("records", \.objects), .sometimes("next", \.next)])
    package static let auditEntry = ReplyTable<AuditEntryReply>(
        nil,
        [
            .always("sequence", \.sequence), .always("time", \.time), .always("event", \.event),
            .sometimes("sessionHandle", \.handle), .sometimes("tenantId", \.tenantID), .sometimes("userId", \.userID),
            .sometimes("actor", \.actor), .sometimes("means", \.means), .always("details", \.details),
        ])
    package static let feedRead = ReplyTable<FeedReply>(
        nil,
        [
            .status("OK"), .always("stream", \.stream), .always("reset", \.isReset), .always("more", \.hasMore),
            .always("age", \.age), .always("next", \.next), .always("entries", \.entries),
        ])
    package static let feedEntry = ReplyTable<FeedEntryReply>(
        nil,
        [
            .always("k", \.kind), .always("v", \.value), .sometimes("n", \.tenant), .always("t", \.time),
            .sometimes("u", \.until),
        ])
    package static let usersCounted = ReplyTable<CountReply>(
        .userCount,
        [
            .status("OK"), .always("count", \.count), .sometimes("approximate", \.isApproximate),
            .sometimes("asOf", \.asOf),
        ])
    package static let activeUsersCounted = ReplyTable<CountReply>(nil, [.status("OK"), .always("count", \.count)])
    package static let usersListed = ReplyTable<ListReply>(nil, [.status("OK"), .always("users", \.objects)])

    package static let made = ReplyTable<ChoiceReply>(nil, [.status("OK"), .always("createdNew", \.isSo)])
    package static let removed = ReplyTable<ChoiceReply>(nil, [.status("OK"), .always("didExist", \.isSo)])
    package static let appsListed = ReplyTable<ListReply>(nil, [.status("OK"), .always("apps", \.objects)])
    package static let app = ReplyTable<AppReply>(nil, [.always("appId", \.app), .always("tenants", \.tenants)])
    package static let tenantsListed = ReplyTable<ListReply>(nil, [.status("OK"), .always("tenants", \.objects)])
    package static let tenant = ReplyTable<TenantReply>(nil, tenantMembers)
    package static let tenantV2 = ReplyTable<TenantReply>(nil, tenantMembersV2)
    package static let tenantRead = ReplyTable<TenantReply>(nil, [.status("OK")] + tenantMembers)
    package static let tenantReadV2 = ReplyTable<TenantReply>(nil, [.status("OK")] + tenantMembersV2)

    private static let tenantMembers: [ReplyMember<TenantReply>] = [
        .always("tenantId", \.tenant), .always("emailPassword", \.emailPassword),
        .always("passwordless", \.passwordless), .always("thirdParty", \.thirdParty),
        .always("coreConfig", \.coreConfig),
    ]
    private static let tenantMembersV2: [ReplyMember<TenantReply>] = [
        .always("tenantId", \.tenant), .always("thirdParty", \.thirdParty), .sometimes("firstFactors", \.firstFactors),
        .sometimes("requiredSecondaryFactors", \.requiredSecondaryFactors), .always("coreConfig", \.coreConfig),
    ]
}

extension Catalogue {
    /// What each operation answers with status 200; a greeting is no JSON and has none.
    package static let outcomes: [CoreOperation: [any ReplyContract]] = [
        .handshake: [handshakeMade],
        .createSession: [created],
        .verifySession: [verified, unauthorised, tryRefresh],
        .refreshSession: [refreshed, theftDetected, refreshRefused, deviceNotYet],
        .regenerateSession: [regenerated, unauthorised],
        .removeSessions: [sessionsRemoved],
        .removeAndCountSessions: [sessionsCounted],
        .listSessions: [sessionsListed],
        .readSession: [sessionRead, unauthorised],
        .readSessionData: [sessionDataRead, unauthorised],
        .writeSessionData: [done, unauthorised],
        .readPayload: [payloadRead, unauthorised],
        .writePayload: [done, unauthorised],
        .listVersions: [versionsListed],
        .showConfiguration: [configurationShown, status("NOT ALLOWED"), status("NOT_ALLOWED")],
        .publishKeys: [keysPublished],
        .listKeys: [keysListed],
        .createToken: [tokenCreated, status("UNSUPPORTED_ALGORITHM_ERROR")],
        .showTelemetry: [telemetryShown],
        .readAuditTrail: [auditRead],
        .readFeed: [feedRead],
        .stepUpSession: [refreshed, theftDetected, refreshRefused, deviceNotYet],
        .revokeWithToken: [tokenRevoked],
        .explainEnd: [endExplained],
        .listCapabilities: [capabilitiesListed],
        .listDevices: [devicesListed],
        .nameDevice: [done, unauthorised],
        .removeDevices: [sessionsRemoved],
        .forgetDevices: [devicesForgotten],
        .upgradeSession: [refreshed, theftDetected, refreshRefused, deviceNotYet],
        .impersonateUser: [refreshed], .endImpersonation: [removed],
        .noteCredentialChange: [done, status("AUDIT_LOG_OFF")],
        .registerDevice: [deviceBound, deviceRefused],
        .renewDevice: [deviceBound, deviceChallenged, deviceEnded],
        .checkDevice: [deviceChecked],
        .countUsers: [usersCounted],
        .countActiveUsers: [activeUsersCounted],
        .listUsers: [usersListed],
        .findUsersByAccount: [usersListed],
        .findUser: [status("UNKNOWN_USER_ID_ERROR")],
        .putApp: [made], .putAppV2: [made], .putTenant: [made], .putTenantV2: [made], .removeApp: [removed],
        .removeTenant: [removed], .listApps: [appsListed], .listAppsV2: [appsListed], .listTenants: [tenantsListed],
        .listTenantsV2: [tenantsListed], .readTenant: [tenantRead, status("TENANT_NOT_FOUND_ERROR")],
        .readTenantV2: [tenantReadV2, status("TENANT_NOT_FOUND_ERROR")],
    ]

    private static func status(_ status: String) -> ReplyTable<StatusReply> { ReplyTable(nil, [.status(status)]) }
}
