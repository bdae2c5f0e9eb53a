import Foundations
import LosslessJSON
import SessionEngine
import TestSupport

/// A session of an ``OldCore`` with the tokens that its clients hold.
struct OldSession: Sendable {
    /// Tokens that were issued together.
    struct Pair: Sendable {
        let refreshToken: RefreshToken
        let accessToken: AccessToken
        let antiCSRFToken: AntiCSRFToken?
        var hash: TokenHash { TokenHash(of: refreshToken) }
    }

    let app: String
    let tenant: TenantID
    let handle: SessionHandle
    let user: String
    let kind: SigningKeyKind
    let format: AccessTokenFormat
    let payload: JSONObject
    let data: JSONObject
    let createdAt: Timestamp
    let expiresAt: Timestamp
    let usesAntiCSRF: Bool
    /// What storage calls current.
    var current: Pair
    /// What was current before.
    var past: Pair?
    /// What a refresh has given and no one has used.
    var child: Pair?

    init(
        _ user: String, of app: OldCore.App, tenant: String, kind: SigningKeyKind, format: AccessTokenFormat,
        payload: JSONObject, data: JSONObject, at now: Timestamp, validFor: Milliseconds, antiCSRF: Bool,
        using random: inout SplitMix64
    ) throws {
        self.app = app.id
        self.tenant = TenantID(tenant)
        self.user = user
        self.kind = kind
        self.format = format
        self.payload = payload
        self.data = data
        createdAt = now
        expiresAt = now + validFor
        usesAntiCSRF = antiCSRF
        handle = SessionHandle.make(tenant: TenantID(tenant), using: &random)
        current = try Self.pair(
            handle, user, TenantID(tenant), kind, format, payload, now, nil, antiCSRF, app, using: &random)
    }

    /// Another row with the same tokens, for tests that count rows.
    func copy(_ number: Int, using random: inout SplitMix64) -> OldSession {
        OldSession(self, handle: SessionHandle.make(tenant: tenant, using: &random), user: "u\(number)")
    }

    private init(_ other: OldSession, handle: SessionHandle, user: String) {
        app = other.app
        tenant = other.tenant
        self.handle = handle
        self.user = user
        kind = other.kind
        format = other.format
        payload = other.payload
        data = other.data
        createdAt = other.createdAt
        expiresAt = other.expiresAt
        usesAntiCSRF = other.usesAntiCSRF
        current = other.current
    }

    func pair(parent: TokenHash?, _ app: OldCore.App, using random: inout SplitMix64) throws -> Pair {
        try Self.pair(
            handle, user, tenant, kind, format, payload, createdAt, parent, usesAntiCSRF, app, using: &random)
    }

    private static func pair(
        _ handle: SessionHandle, _ user: String, _ tenant: TenantID, _ kind: SigningKeyKind,
        _ format: AccessTokenFormat, _ payload: JSONObject, _ now: Timestamp, _ parent: TokenHash?, _ antiCSRF: Bool,
        _ app: OldCore.App, using random: inout SplitMix64
    ) throws -> Pair {
        let csrf = antiCSRF ? AntiCSRFToken.make(using: &random) : nil
        let nonce = TokenHash(of: RefreshToken(RandomText.uuid(using: &random))).hex
        let content = RefreshTokenContent(
            handle: handle, userID: UserID(user), parentHash: parent, nonce: nonce, antiCSRFToken: csrf,
            tenantID: tenant)
        let refreshToken = try RefreshTokenKey(masterKey: app.masterKey)
            .encrypt(content, initializationVector: RandomText.bytes(12, using: &random))
        let claims = AccessTokenClaims(
            format: format, handle: handle, userID: UserID(user), recipeUserID: UserID(user), tenantID: tenant,
            refreshTokenHash: TokenHash(of: refreshToken), parentRefreshTokenHash: parent, antiCSRFToken: csrf,
            issuedAt: now, expiresAt: now + OldCore.hour, userData: JSONObjectText(payload))
        let key = kind == .static ? app.staticKey ?? app.dynamicKey : app.dynamicKey
        return Pair(
            refreshToken: refreshToken, accessToken: try AccessToken(signing: claims, with: key), antiCSRFToken: csrf)
    }
}
