package import LosslessJSON
package import SessionEngine

/// Nothing is to be said.
package struct EmptyRequest: RequestMessage {
    package init() {}
}

/// The versions are asked for, by an application that tells where it is.
package struct ListVersionsRequest: RequestMessage {
    package var apiDomain: String?
    package var websiteDomain: String?

    package init() {}
}

/// The operator's tools ask where the configuration is.
package struct ShowConfigurationRequest: RequestMessage {
    /// What proves that they are on this machine.
    package var processID = ""

    package init() {}
}

/// An application-signed JWT is to be signed.
package struct CreateTokenRequest: RequestMessage {
    package var algorithm = ""
    package var issuer = ""
    package var payload: JSONObject = [:]
    /// In seconds.
    package var validity: Int64 = 0
    package var usesStaticKey: Bool?

    package init() {}
}

/// Users are to be counted.
package struct CountUsersRequest: RequestMessage {
    /// Names separated by commas.
    package var recipes: String?
    package var allowsApproximate: Bool?

    package init() {}
}

/// Users who had a session are to be counted.
package struct CountActiveUsersRequest: RequestMessage {
    /// In milliseconds since 1970.
    package var since: Int64 = 0

    package init() {}
}

/// A user is asked for.
package struct FindUserRequest: RequestMessage {
    package var userID = ""

    package init() {}
}

/// A page of the audit log is asked for.
package struct ReadAuditRequest: RequestMessage {
    package var before: Int64?
    package var after: Int64?
    package var limit: Int64?
    package var handle: String?
    package var userID: String?
    package var event: AuditEvent.Name?
    package var actor: AuditActor?
    package var since: WireTime?
    package var until: WireTime?

    package init() {}
}

/// The news of ended sessions are asked for.
package struct ReadFeedRequest: RequestMessage {
    /// The cursor of the answer before.
    package var after: String?
    /// For how many seconds news are waited for.
    package var wait: Int64?

    package init() {}
}

/// A credential of a user is another one.
package struct CredentialChangeRequest: RequestMessage {
    package var userID = ""
    package var type = ""
    package var change = CredentialChange.Change.update
    package var friendlyName: String?
    package var x509Issuer: String?
    package var x509Serial: String?
    package var fido2Aaguid: String?

    package init() {}

    /// The change; `nil` for what the table does not let through.
    package var credentialChange: CredentialChange? {
        let members = [
            ("friendly_name", friendlyName), ("x509_issuer", x509Issuer), ("x509_serial", x509Serial),
            ("fido2_aaguid", fido2Aaguid),
        ]
        return CredentialChange(
            of: UserID(userID), type: type, change,
            details: members.compactMap { name, text in text.map { (name, $0) } })
    }
}

/// An app or a tenant is to be made or changed.
package protocol TenantMessage: RequestMessage {
    /// What is said of the tenant, or of the app's first one.
    var settings: TenantFields { get set }
}

/// An app is to be made or changed.
package struct PutAppRequest: TenantMessage {
    package var app = AppID.public
    package var settings = TenantFields()

    package init() {}
}

/// A tenant is to be made or changed.
package struct PutTenantRequest: TenantMessage {
    package var tenant = TenantID.public
    package var settings = TenantFields()

    package init() {}
}

/// What a driver says of a tenant, in either form.
package struct TenantFields: Sendable {
    package var emailPasswordEnabled: Bool?
    package var passwordlessEnabled: Bool?
    package var thirdPartyEnabled: Bool?
    package var firstFactors: Factors?
    package var requiredSecondaryFactors: Factors?
    package var coreConfig: JSONObject?
}

/// An app is to end.
package struct RemoveAppRequest: RequestMessage {
    package var app = AppID.public

    package init() {}
}

/// A tenant is to end.
package struct RemoveTenantRequest: RequestMessage {
    package var tenant = TenantID.public

    package init() {}
}
