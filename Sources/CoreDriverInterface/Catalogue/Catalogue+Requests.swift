import LosslessJSON
import SessionEngine

/// The requests of each operation (docs/specification/core.md 1.3, 1.6 to 1.8): every field is named here and nowhere else.
extension Catalogue {
    package static let createSession = RequestTable<CreateSessionRequest>(
        .createSession,
        [
            // Every token of the session carries it.
            .required("userId", \.userID, upTo: UserID.maximumLength),
            .required("userDataInJWT", \.payload),
            .required("userDataInDatabase", \.data),
            .versioned("enableAntiCsrf", \.usesAntiCSRF, drivenAntiCSRF),
            .versioned("useDynamicSigningKey", \.usesDynamicKey, .optional(from: "2.21", kindOfKey)),
            .versioned("accessTokenValidity", \.accessTokenValidity, shorterLife),
        ])

    package static let verifySession = RequestTable<VerifySessionRequest>(
        .verifySession,
        [
            .token("accessToken", \.accessToken),
            .optionalToken("antiCsrfToken", \.antiCSRFToken),
            .required("doAntiCsrfCheck", \.checksAntiCSRF),
            .versioned("enableAntiCsrf", \.usesAntiCSRF, drivenAntiCSRF),
            .versioned(
                "checkDatabase", \.checksDatabase,
                .required(from: "2.21", "Drivers decide about the database check.")),
        ])

    package static let refreshSession = RequestTable<RefreshSessionRequest>(
        .refreshSession,
        [
            .token("refreshToken", \.refreshToken),
            .optionalToken("antiCsrfToken", \.antiCSRFToken),
            .versioned("enableAntiCsrf", \.usesAntiCSRF, drivenAntiCSRF),
            .versioned(
                "useDynamicSigningKey", \.usesDynamicKey,
                .optional(from: "3.0", until: "5.0", "A refresh can move a session to the other kind of key."),
                .required(from: "5.0", "A refresh says which kind of key it wants.")),
            .versioned("accessTokenValidity", \.accessTokenValidity, shorterLife),
        ])

    package static let stepUpSession = RequestTable<StepUpRequest>(
        .stepUpSession,
        [
            .token("refreshToken", \.refreshToken),
            .optionalToken("antiCsrfToken", \.antiCSRFToken),
            .required("level", \.level, upTo: 64),
            .optional("amr", \.methods),
            .optional("full", \.isFull),
            .optional("enableAntiCsrf", \.usesAntiCSRF),
        ])

    package static let revokeWithToken = RequestTable<RevokeWithTokenRequest>(
        .revokeWithToken, [.token("refreshToken", \.refreshToken)])

    package static let explainEnd = RequestTable<ExplainEndRequest>(
        .explainEnd,
        [
            .optionalToken("refreshToken", \.refreshToken),
            .optional("sessionHandle", \.handle),
            .exactlyOne("refreshToken", "sessionHandle", otherwise: .endTarget) {
                [$0.refreshToken != nil, $0.handle != nil]
            },
        ])

    package static let listDevices = RequestTable<ListDevicesRequest>(
        .listDevices,
        [
            .optional("userId", \.userID),
            .optional("sessionHandle", \.handle),
            .exactlyOne("userId", "sessionHandle", otherwise: .listTarget) { [$0.userID != nil, $0.handle != nil] },
            .optional("limit", \.limit, in: 1...500),
            .optional("after", \.cursor),
        ])

    package static let nameDevice = RequestTable<NameDeviceRequest>(
        .nameDevice,
        [
            .required("userId", \.userID), .required("sessionHandle", \.handle),
            .required("label", \.label, upTo: 1_024),
        ])

    package static let removeDevices = RequestTable<RemoveDevicesRequest>(
        .removeDevices,
        [
            .required("userId", \.userID),
            .optional("sessionHandles", \.handles) { $0.count <= 1_000 },
            .optional("except", \.kept),
            .exactlyOne("sessionHandles", "except", otherwise: .devicesTarget) { [$0.handles != nil, $0.kept != nil] },
        ])

    package static let forgetDevices = RequestTable<ForgetDevicesRequest>(
        .forgetDevices, [.required("userId", \.userID)])

    package static let upgradeSession = RequestTable<UpgradeRequest>(
        .upgradeSession,
        [
            .token("refreshToken", \.refreshToken),
            .optionalToken("antiCsrfToken", \.antiCSRFToken),
            .required("userId", \.userID, upTo: UserID.maximumLength),
            .optional("payload", \.payload),
            .optional("data", \.data),
            .optional("keepData", \.keepsData),
            .optional("level", \.level, where: { (1...64).contains($0.utf8.count) }),
            .optional("amr", \.methods),
            .optional("enableAntiCsrf", \.usesAntiCSRF),
        ])

    package static let impersonateUser = RequestTable<ImpersonateRequest>(
        .impersonateUser,
        [
            .required("userId", \.userID, upTo: UserID.maximumLength),
            .required("actor", \.actor, where: { ActingParty(.object($0)) != nil }),
            .required("reason", \.reason, where: { (1...Impersonation.longestReason).contains($0.utf8.count) }),
            .optional("lifetime", \.lifetime, in: Impersonation.seconds),
            .optional("payload", \.payload),
            .optional("data", \.data),
            .optional("enableAntiCsrf", \.usesAntiCSRF),
        ])

    package static let endImpersonation = RequestTable<ReadSessionRequest>(
        .endImpersonation, [.required("sessionHandle", \.handle)])

    package static let noteCredentialChange = RequestTable<CredentialChangeRequest>(
        .noteCredentialChange,
        [
            .required("userId", \.userID, upTo: UserID.maximumLength),
            .required("credentialType", \.type, where: CredentialChange.isText),
            .required("changeType", \.change),
            .optional("friendlyName", \.friendlyName, where: CredentialChange.isText),
            .optional("x509Issuer", \.x509Issuer, where: CredentialChange.isText),
            .optional("x509Serial", \.x509Serial, where: CredentialChange.isText),
            .optional("fido2Aaguid", \.fido2Aaguid, where: CredentialChange.isText),
        ])

    package static let registerDevice = RequestTable<RegisterDeviceRequest>(
        .registerDevice,
        [.required("sessionHandle", \.handle), .required("proof", \.proof, upTo: DeviceProof.maximumLength)])

    package static let renewDevice = RequestTable<RenewDeviceRequest>(
        .renewDevice,
        [
            .required("sessionIdentifier", \.identifier, upTo: 1_024),
            .optional("proof", \.proof) { $0.utf8.count <= DeviceProof.maximumLength },
            .optional("sessionHandle", \.handle),
        ])

    package static let checkDevice = RequestTable<CheckDeviceRequest>(
        .checkDevice, [.required("sessionHandle", \.handle), .optional("cookie", \.cookie) { $0.utf8.count <= 1_024 }])

    package static let regenerateSession = RequestTable<RegenerateSessionRequest>(
        .regenerateSession,
        [.token("accessToken", \.accessToken), .optional("userDataInJWT", \.payload)])

    package static let removeSessions = RequestTable<RemoveSessionsRequest>(
        .removeSessions,
        [
            .optional("userId", \.userID),
            .optional("sessionHandles", \.handles),
            .exactlyOne("userId", "sessionHandles", otherwise: .removeTarget) {
                [$0.userID != nil, $0.handles != nil]
            },
            .versioned(
                "revokeAcrossAllTenants", \.isAcrossTenants, .optional(from: "2.21", "Sessions belong to a tenant.")),
            .versioned(
                "revokeSessionsForLinkedAccounts", \.endsLinkedAccounts,
                .optional(from: "2.21", "Accounts can be linked.")),
            // That they are there is what counts (docs/specification/core.md 1.6.7).
            .field("revokeAcrossAllTenants", onlyBeside: "userId", otherwise: .tenantsWithoutUser) {
                $0.userID != nil || $0.isAcrossTenants == nil
            },
            .field("revokeSessionsForLinkedAccounts", onlyBeside: "userId", otherwise: .accountsWithoutUser) {
                $0.userID != nil || $0.endsLinkedAccounts == nil
            },
        ])

    package static let removeAndCountSessions = RequestTable<RemoveAndCountSessionsRequest>(
        .removeAndCountSessions,
        [
            .optional("userId", \.userID),
            .optional("sessionHandle", \.handle),
            .optional("sessionHandles", \.handles),
            .exactlyOne("userId", "sessionHandle", "sessionHandles", otherwise: .legacyRemoveTarget) {
                [$0.userID != nil, $0.handle != nil, $0.handles != nil]
            },
        ])

    package static let listSessions = RequestTable<ListSessionsRequest>(
        .listSessions,
        [
            .required("userId", \.userID),
            .optional("fetchSessionsForAllLinkedAccounts", \.listsLinkedAccounts),
            .optional("fetchAcrossAllTenants", \.isAcrossTenants),
        ])

    package static let readSession = RequestTable(.readSession, handleAlone)
    package static let readSessionData = RequestTable(.readSessionData, handleAlone)
    package static let readPayload = RequestTable(.readPayload, handleAlone)

    private static let handleAlone: [RequestStep<ReadSessionRequest>] = [.required("sessionHandle", \.handle)]

    package static let writeSessionData = RequestTable<WriteSessionRequest>(
        .writeSessionData, [.required("sessionHandle", \.handle), .required("userDataInDatabase", \.object)])

    package static let writePayload = RequestTable<WriteSessionRequest>(
        .writePayload, [.required("sessionHandle", \.handle), .required("userDataInJWT", \.object)])

    package static let listVersions = RequestTable<ListVersionsRequest>(
        .listVersions, [.optional("apiDomain", \.apiDomain), .optional("websiteDomain", \.websiteDomain)])

    package static let showConfiguration = RequestTable<ShowConfigurationRequest>(
        .showConfiguration, [.required("pid", \.processID)])

    package static let createToken = RequestTable<CreateTokenRequest>(
        .createToken,
        [
            .required("algorithm", \.algorithm),
            .required("jwksDomain", \.issuer),
            .required("payload", \.payload),
            .required("validity", \.validity),
            .versioned("useStaticSigningKey", \.usesStaticKey, .optional(from: "2.21", kindOfKey)),
        ])

    package static let countUsers = RequestTable<CountUsersRequest>(
        .countUsers,
        [
            .optional("includeRecipeIds", \.recipes),
            .versioned(
                "allowApproximate", \.allowsApproximate, .optional(from: "5.6", "A count may be an older one.")),
        ])

    package static let countActiveUsers = RequestTable<CountActiveUsersRequest>(
        .countActiveUsers, [.required("since", \.since)])

    package static let findUser = RequestTable<FindUserRequest>(.findUser, [.required("userId", \.userID)])

    package static let readAuditTrail = RequestTable<ReadAuditRequest>(
        .readAuditTrail,
        [
            .optional("before", \.before, in: 0...Int64.max),
            .optional("after", \.after, in: 0...Int64.max),
            .optional("limit", \.limit, in: 1...1_000),
            .rule(.other) { (request) throws(InvalidRequest) in
                guard request.before == nil || request.after == nil else {
                    throw InvalidRequest(.invalidParameter("before", expected: "left out where 'after' is given"))
                }
            },
            .optional("sessionHandle", \.handle),
            .optional("userId", \.userID),
            .optional("event", \.event),
            .optional("actor", \.actor),
            .optional("since", \.since),
            .optional("until", \.until),
        ])

    package static let readFeed = RequestTable<ReadFeedRequest>(
        .readFeed, [.optional("after", \.after), .optional("wait", \.wait, in: 0...30)])

    package static let putApp = RequestTable<PutAppRequest>(.putApp, [.required("appId", \.app)] + firstForm())
    package static let putAppV2 = RequestTable<PutAppRequest>(
        .putAppV2, [.required("appId", \.app)] + secondForm())
    package static let removeApp = RequestTable<RemoveAppRequest>(.removeApp, [.required("appId", \.app)])
    package static let putTenant = RequestTable<PutTenantRequest>(
        .putTenant, [.required("tenantId", \.tenant)] + firstForm())
    package static let putTenantV2 = RequestTable<PutTenantRequest>(
        .putTenantV2, [.required("tenantId", \.tenant)] + secondForm())
    package static let removeTenant = RequestTable<RemoveTenantRequest>(
        .removeTenant, [.required("tenantId", \.tenant)])

    private static func firstForm<Message: TenantMessage>() -> [RequestStep<Message>] {
        [
            .optional("emailPasswordEnabled", \.settings.emailPasswordEnabled),
            .optional("passwordlessEnabled", \.settings.passwordlessEnabled),
            .optional("thirdPartyEnabled", \.settings.thirdPartyEnabled),
            .optional("coreConfig", \.settings.coreConfig),
        ]
    }

    private static func secondForm<Message: TenantMessage>() -> [RequestStep<Message>] {
        [
            .optional("firstFactors", \.settings.firstFactors),
            .optional(
                "requiredSecondaryFactors", \.settings.requiredSecondaryFactors,
                where: { $0.names?.isEmpty != true }),
            .optional("coreConfig", \.settings.coreConfig),
        ]
    }

    private static let drivenAntiCSRF = FieldSpan.required(
        from: "2.6", "Drivers decide about anti-CSRF in each call.")
    private static let shorterLife = FieldSpan.optional(from: "5.6", "A driver can ask for a shorter life.")
    private static let kindOfKey = "Drivers choose the kind of key."
}

extension Catalogue {
    /// The table of each operation's request.
    package static let requests: [CoreOperation: any RequestContract] = Dictionary(
        uniqueKeysWithValues: (requestTables + emptyRequests).map { ($0.operation, $0) })

    private static let requestTables: [any RequestContract] = [
        createSession, verifySession, refreshSession, regenerateSession, removeSessions, removeAndCountSessions,
        listSessions, readSession, readSessionData, readPayload, writeSessionData, writePayload, listVersions,
        showConfiguration, createToken, countUsers, countActiveUsers, findUser, readAuditTrail, readFeed,
        stepUpSession,
        listDevices, revokeWithToken, explainEnd, nameDevice, removeDevices, forgetDevices, upgradeSession,
        impersonateUser,
        endImpersonation, noteCredentialChange, registerDevice, renewDevice, checkDevice, putApp, putAppV2, removeApp,
        putTenant, putTenantV2, removeTenant,
    ]

    /// Of these only the handshake comes with a body at all.
    package static let handshake = RequestTable<EmptyRequest>(.handshake)

    private static let emptyRequests: [any RequestContract] =
        [handshake]
        + [
            .hello, .listCapabilities, .publishKeys, .listKeys, .showTelemetry, .listUsers, .findUsersByAccount,
            .listApps, .listAppsV2,
            .readTenant, .readTenantV2, .listTenants, .listTenantsV2,
        ].map { RequestTable<EmptyRequest>($0) }

    /// The fields that not every version reads.
    static let inputs: [Input] = CoreOperation.allCases.flatMap { operation in
        (requests[operation]?.outline ?? []).flatMap { line -> [Input] in
            guard case .field(let name, _, .versioned(let spans)) = line else { return [] }
            return spans.map {
                Input(
                    name: name, operation: operation, presence: $0.presence, availability: $0.availability,
                    reason: $0.reason)
            }
        }
    }

    /// The fields that a version reads, with whether it has to have them.
    static func fields(
        of operation: CoreOperation, _ dialect: Dialect
    ) -> [(name: String, type: WireType, presence: Presence)] {
        guard let request = requests[operation] else { return [] }
        return zip(request.outline, dialect.presences(of: request)).compactMap { line, presence in
            guard case .field(let name, let type, _) = line, presence != .ignored else { return nil }
            return (name, type, presence)
        }
    }
}
