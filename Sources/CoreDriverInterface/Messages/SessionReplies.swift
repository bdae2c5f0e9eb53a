package import LosslessJSON

/// A session as replies tell of it.
package struct SessionPart: ReplyMessage {
    package var handle: String?
    package var userID: String?
    package var recipeUserID: String?
    package var payload: JSONObject?
    package var tenantID: String?

    package init() {}
}

/// A token, with what a driver of the first generations needs to make a cookie of it.
package struct TokenPart: ReplyMessage {
    package var text: String?
    /// In milliseconds since 1970, as is the next.
    package var expiresAt: Int64?
    package var createdAt: Int64?
    package var cookiePath: String?
    package var cookieSecure: Bool?
    package var domain: String?
    package var sameSite: String?

    package init() {}
}

/// Keys for drivers that verify tokens without key ids.
package struct LegacyKeys: Sendable {
    package var key: String?
    package var expiresAt: Int64?
    package var list: LegacyKeyList?

    package init() {}
}

/// Several of them.
package struct LegacyKeyList: WireValue {
    package typealias Key = (publicKey: String, expiresAt: Int64, createdAt: Int64)

    private let objects: [JSONValue]

    /// Lists keys.
    package init(_ keys: [Key]) {
        objects = keys.map {
            [
                "publicKey": .string($0.publicKey), "expiryTime": .integer($0.expiresAt),
                "createdAt": .integer($0.createdAt),
            ]
        }
    }

    package static var wireType: WireType {
        .list(.record(["publicKey": .string, "expiryTime": .long, "createdAt": .long]))
    }
    package static func parse(_: FieldValue) -> LegacyKeyList? { nil }
    package var wire: JSONValue { .array(objects) }
}

/// What creation, verification, refresh and regeneration answer.
package struct TokensReply: ReplyMessage {
    package var session: SessionPart?
    package var accessToken: TokenPart?
    package var refreshToken: TokenPart?
    package var idRefreshToken: TokenPart?
    package var antiCSRFToken: String?
    /// What the device of a browser may sign, so that the session is bound to it; only for callers that want it.
    package var deviceOffer: String?
    /// Whether a refresh would give another payload.
    package var payloadUpdateAvailable: Bool?
    package var keys = LegacyKeys()
    /// Why there is nothing.
    package var message: String?
    /// The class of a reuse.
    package var reuseClass: String?

    package init() {}
}

/// What is kept about a session.
package struct SessionInformationReply: ReplyMessage {
    package var handle: String?
    package var userID: String?
    package var recipeUserID: String?
    package var data: JSONObject?
    package var payload: JSONObject?
    /// In milliseconds since 1970, as is the next.
    package var expiresAt: Int64?
    package var createdAt: Int64?
    package var tenantID: String?

    package init() {}
}

/// Handles of sessions.
package struct HandlesReply: ReplyMessage {
    package var handles: [String]?

    package init() {}
}

/// A page of a user's sessions.
package struct DevicesReply: ReplyMessage {
    package var sessions: JSONObjects?
    /// What asks for the next page.
    package var next: String?

    package init() {}
}

/// Why a session ended.
package struct EndReply: ReplyMessage {
    /// Whether it is known to have ended; the other members are there only then.
    package var isEnded: Bool?
    package var cause: String?
    /// For an operator.
    package var text: String?
    /// For the user of the session.
    package var userText: String?
    /// In milliseconds since 1970.
    package var endedAt: Int64?

    package init() {}
}

/// A session in a list of devices.
package struct DeviceEntry: ReplyMessage {
    package var handle: String?
    package var userID: String?
    package var recipeUserID: String?
    package var tenantID: String?
    /// In milliseconds since 1970, as are the next two.
    package var createdAt: Int64?
    package var lastSeen: Int64?
    package var expiresAt: Int64?
    package var device: DevicePart?
    package var authentication: AuthenticationPart?
    package var limits: LimitsPart?
    package var isAnonymous: Bool?
    package var isImpersonated: Bool?
    /// How the key is proved that the session is bound to: `dpop` or `dbsc`.
    package var binding: String?

    package init() {}
}

/// What is known about a device.
package struct DevicePart: ReplyMessage {
    package var label: String?
    package var userAgent: String?
    package var firstAddress: String?
    package var lastAddress: String?
    package var country: String?

    package init() {}
}

/// How the user of a session was authenticated.
package struct AuthenticationPart: ReplyMessage {
    /// In milliseconds since 1970, as is ``levelTime``.
    package var time: Int64?
    package var level: String?
    package var levelTime: Int64?
    package var methods: [String]?

    package init() {}
}

/// The limits of a session.
package struct LimitsPart: ReplyMessage {
    /// In milliseconds, as is the next.
    package var idle: Int64?
    package var absolute: Int64?
    package var isRemembered: Bool?

    package init() {}
}

/// A user has as many sessions as allowed.
package struct SessionLimitReply: ReplyMessage {
    package var limit: Int64?
    package var handles: [String]?
    package var message: String?

    package init() {}
}

/// What a driver has to know before it verifies tokens itself.
package struct HandshakeReply: ReplyMessage {
    package var keys = LegacyKeys()
    package var cookieDomain: String?
    package var cookieSecure: Bool?
    package var accessTokenPath: String?
    package var refreshTokenPath: String?
    package var usesAntiCSRF: Bool?
    package var checksDatabase: Bool?
    /// In milliseconds, as is the next.
    package var accessTokenValidity: Int64?
    package var refreshTokenValidity: Int64?
    package var cookieSameSite: String?
    package var idRefreshTokenPath: String?
    package var sessionExpiredStatusCode: Int64?

    package init() {}
}

/// What a browser is given for a proof of its device, or what it is to prove.
package struct DeviceCredentialsReply: ReplyMessage {
    package var identifier: String?
    package var cookie: String?
    package var challenge: String?
    /// For how many seconds the browser keeps the cookie.
    package var cookieSeconds: Int64?

    package init() {}
}

/// A proof of a client's key is missing, or is not accepted (RFC 9449 sections 5 and 8).
package struct ProofReply: ReplyMessage {
    /// `use_dpop_nonce` or `invalid_dpop_proof`.
    package var error: String? = DPoPError.invalidProof.rawValue
    /// What another proof has to repeat.
    package var nonce: String?

    package init() {}

    /// With a nonce another proof is wanted; without one what came is no proof.
    package init(nonce: String?) {
        if nonce != nil { error = DPoPError.useNonce.rawValue }
        self.nonce = nonce
    }
}

/// The errors of RFC 9449 by their names.
package enum DPoPError: String, Sendable {
    case invalidProof = "invalid_dpop_proof"
    case useNonce = "use_dpop_nonce"
}
