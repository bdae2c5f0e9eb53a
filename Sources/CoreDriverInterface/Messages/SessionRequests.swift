package import LosslessJSON

/// A user has proved who they are.
package struct CreateSessionRequest: RequestMessage {
    package var userID = ""
    /// What goes into access tokens.
    package var payload: JSONObject = [:]
    /// What stays in storage.
    package var data: JSONObject = [:]
    package var usesAntiCSRF: Bool?
    package var usesDynamicKey: Bool?
    /// In milliseconds.
    package var accessTokenValidity: Int64?

    package init() {}
}

/// An access token is to be judged.
package struct VerifySessionRequest: RequestMessage {
    package var accessToken = ""
    package var antiCSRFToken: String?
    package var checksAntiCSRF = false
    package var usesAntiCSRF: Bool?
    package var checksDatabase: Bool?

    package init() {}
}

/// A refresh token is to be exchanged.
package struct RefreshSessionRequest: RequestMessage {
    package var refreshToken = ""
    package var antiCSRFToken: String?
    package var usesAntiCSRF: Bool?
    package var usesDynamicKey: Bool?
    /// In milliseconds.
    package var accessTokenValidity: Int64?

    package init() {}
}

/// The user of a session was authenticated once more.
package struct StepUpRequest: RequestMessage {
    package var refreshToken = ""
    package var antiCSRFToken: String?
    /// The assurance level that was reached.
    package var level = ""
    /// How, by the names of RFC 8176.
    package var methods: [String]?
    /// Whether all factors were checked.
    package var isFull: Bool?
    package var usesAntiCSRF: Bool?

    package init() {}
}

/// The session of a refresh token is to end.
package struct RevokeWithTokenRequest: RequestMessage {
    package var refreshToken = ""

    package init() {}
}

/// Why a session ended is asked for.
package struct ExplainEndRequest: RequestMessage {
    package var refreshToken: String?
    package var handle: String?

    package init() {}
}

/// A user's sessions with their devices are asked for, or one session.
package struct ListDevicesRequest: RequestMessage {
    package var userID: String?
    package var handle: String?
    package var limit: Int64?
    /// What the page before said.
    package var cursor: String?

    package init() {}
}

/// The device of a session gets a name.
package struct NameDeviceRequest: RequestMessage {
    package var userID = ""
    package var handle = ""
    package var label = ""

    package init() {}
}

/// The user of an anonymous session has signed in.
package struct UpgradeRequest: RequestMessage {
    package var refreshToken = ""
    package var antiCSRFToken: String?
    package var userID = ""
    /// What goes into access tokens.
    package var payload: JSONObject?
    /// What stays in storage, beside the data of the anonymous session.
    package var data: JSONObject?
    /// Left out it means yes.
    package var keepsData: Bool?
    /// The assurance level that was reached.
    package var level: String?
    /// How, by the names of RFC 8176.
    package var methods: [String]?
    package var usesAntiCSRF: Bool?

    package init() {}
}

/// Some of a user's sessions are to end, or all but one.
package struct RemoveDevicesRequest: RequestMessage {
    package var userID = ""
    package var handles: [String]?
    /// The session that stays.
    package var kept: String?

    package init() {}
}

/// What is known about a user's devices is to be forgotten.
package struct ForgetDevicesRequest: RequestMessage {
    package var userID = ""

    package init() {}
}

/// Another person is to act as a user.
package struct ImpersonateRequest: RequestMessage {
    package var userID = ""
    /// As the claim `act` has it (RFC 8693 section 4.1).
    package var actor: JSONObject = [:]
    /// Why, for the audit log.
    package var reason = ""
    /// In seconds.
    package var lifetime: Int64?
    package var payload: JSONObject?
    package var data: JSONObject?
    package var usesAntiCSRF: Bool?

    package init() {}
}

/// An access token is to carry another payload.
package struct RegenerateSessionRequest: RequestMessage {
    package var accessToken = ""
    /// `nil` takes the one in storage.
    package var payload: JSONObject?

    package init() {}
}

/// The sessions of a user, or some by their handles, are to end.
package struct RemoveSessionsRequest: RequestMessage {
    package var userID: String?
    package var handles: [String]?
    /// For a user only, as is the next; left out it means yes.
    package var isAcrossTenants: Bool?
    /// A session core knows no linked accounts.
    package var endsLinkedAccounts: Bool?

    package init() {}
}

/// The same for the oldest drivers, who want to know how many ended.
package struct RemoveAndCountSessionsRequest: RequestMessage {
    package var userID: String?
    package var handle: String?
    package var handles: [String]?

    package init() {}
}

/// The handles of a user's sessions are asked for.
package struct ListSessionsRequest: RequestMessage {
    package var userID = ""
    /// A session core knows no linked accounts.
    package var listsLinkedAccounts: Bool?
    /// Left out it means yes.
    package var isAcrossTenants: Bool?

    package init() {}
}

/// Something that is kept about a session is asked for.
package struct ReadSessionRequest: RequestMessage {
    package var handle = ""

    package init() {}
}

/// Something that is kept about a session is to be replaced.
package struct WriteSessionRequest: RequestMessage {
    package var handle = ""
    /// The data in storage or the payload, as the operation says.
    package var object: JSONObject = [:]

    package init() {}
}

/// A browser's device has signed the offer to bind a session to it.
package struct RegisterDeviceRequest: RequestMessage {
    package var handle = ""
    package var proof = ""

    package init() {}
}

/// A browser wants another bound cookie.
package struct RenewDeviceRequest: RequestMessage {
    /// What the browser calls the session.
    package var identifier = ""
    package var proof: String?
    /// The session whose access token came with the browser's request.
    package var handle: String?

    package init() {}
}

/// Whether a request shows the device of its session is asked for.
package struct CheckDeviceRequest: RequestMessage {
    package var handle = ""
    /// The value of the bound cookie.
    package var cookie: String?

    package init() {}
}
