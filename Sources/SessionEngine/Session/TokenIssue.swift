import Foundations
public import LosslessJSON

/// Composing new tokens from decisions: the claims and contents, before anything is signed or encrypted.
public enum TokenIssue {
    /// A new refresh token with the hash that names it.
    public struct RefreshPart: Sendable {
        /// The token for the client.
        public let token: RefreshToken
        /// Its hash, for the access token that goes with it and for storage.
        public let hash: TokenHash
        /// The anti-CSRF token encrypted into it.
        public let antiCSRFToken: AntiCSRFToken?
    }

    /// Makes a refresh token that cannot be predicted.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - userID: whose it is.
    ///   - tenantID: the tenant it lives in.
    ///   - parent: the hash of the token it is given for; `nil` at creation.
    ///   - usesAntiCSRF: whether a new anti-CSRF token goes with it.
    ///   - key: the app's key, which encrypts it.
    ///   - random: the source of randomness.
    /// - Throws: ``SigningError`` when the cryptographic library refuses.
    public static func refreshPart(
        handle: SessionHandle, userID: UserID, tenantID: TenantID, parent: TokenHash?, usesAntiCSRF: Bool,
        key: RefreshTokenKey, using random: inout some RandomNumberGenerator
    ) throws(SigningError) -> RefreshPart {
        let content = RefreshTokenContent(
            handle: handle, userID: userID, parentHash: parent,
            nonce: Hex.encode(RandomText.bytes(32, using: &random)),
            antiCSRFToken: usesAntiCSRF ? AntiCSRFToken.make(using: &random) : nil, tenantID: tenantID)
        let token = try key.encrypt(content, initializationVector: RandomText.bytes(12, using: &random))
        return RefreshPart(token: token, hash: TokenHash(of: token), antiCSRFToken: content.antiCSRFToken)
    }

    /// Makes a derived successor of a refresh token: the same for every caller, on every node and after every restart.
    ///
    /// - Parameters:
    ///   - parent: the contents of the token.
    ///   - hash: its hash.
    ///   - window: the window in which the token was presented.
    ///   - count: the successor's rotation count.
    ///   - usesAntiCSRF: whether an anti-CSRF token goes with the successor; with and without one it is another token.
    ///   - key: the app's key, which encrypts it.
    /// - Throws: ``SigningError`` when the cryptographic library refuses.
    public static func successor(
        of parent: RefreshTokenContent, hash: TokenHash, window: UInt8, count: RotationCount, usesAntiCSRF: Bool,
        key: RefreshTokenKey
    ) throws(SigningError) -> RefreshPart {
        let content = key.successor(of: parent, hash: hash, window: window, count: count, usesAntiCSRF: usesAntiCSRF)
        let token = try key.encryptDerived(content)
        return RefreshPart(token: token, hash: TokenHash(of: token), antiCSRFToken: content.antiCSRFToken)
    }

    /// Makes the first refresh token of a session that takes an anonymous one's place.
    ///
    /// - Parameters:
    ///   - handle: the new session.
    ///   - userID: whose it is.
    ///   - presented: the opened token of the anonymous session.
    ///   - usesAntiCSRF: whether an anti-CSRF token goes with it.
    ///   - key: the app's key, which encrypts it.
    /// - Throws: ``SigningError`` when the cryptographic library refuses.
    package static func upgraded(
        to handle: SessionHandle, userID: UserID, from presented: Refresh.Presented, usesAntiCSRF: Bool,
        key: RefreshTokenKey
    ) throws(SigningError) -> RefreshPart {
        let content = key.first(
            of: handle, userID: userID, tenantID: presented.content.tenantID, presented: presented.hash,
            usesAntiCSRF: usesAntiCSRF)
        let token = try key.encryptDerived(content)
        return RefreshPart(token: token, hash: TokenHash(of: token), antiCSRFToken: content.antiCSRFToken)
    }

    /// The claims of the access token that goes with a refresh token.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - format: the form of the token.
    ///   - refreshPart: the refresh token.
    ///   - parent: the hash of the token that it is given for.
    ///   - issuedAt: the time.
    ///   - validity: how long it lives.
    ///   - tellsAuthentication: whether the token says when and how the user was authenticated.
    ///   - bound: the end of the session, which no token outlives; `nil` where the first use moves it.
    public static func claims(
        for record: SessionRecord, format: AccessTokenFormat, refreshPart: RefreshPart, parent: TokenHash?,
        issuedAt: Timestamp, validity: Milliseconds, notAfter bound: Timestamp? = nil,
        tellsAuthentication: Bool = false
    ) -> AccessTokenClaims {
        let payload = tellsAuthentication ? AuthenticationClaims.payload(of: record) : record.accessTokenPayload
        return AccessTokenClaims(
            format: format, handle: record.handle, userID: record.namedUserID, recipeUserID: record.userID,
            tenantID: record.tenantID, refreshTokenHash: refreshPart.hash, parentRefreshTokenHash: parent,
            antiCSRFToken: refreshPart.antiCSRFToken, issuedAt: issuedAt,
            expiresAt: min(issuedAt + validity, bound ?? Timestamp(milliseconds: .max)),
            userData: ConfirmationClaim.added(to: payload, record.traits.boundKey))
    }

    /// The claims that replace verified ones after a promotion or a change of payload: another expiry, no parent.
    public static func renewal(
        of claims: AccessTokenClaims, payload: JSONObjectText, issuedAt: Timestamp, expiresAt: Timestamp
    ) -> AccessTokenClaims {
        var renewed = reissue(of: claims, payload: payload, issuedAt: issuedAt)
        renewed.expiresAt = claims.format.representable(expiresAt)
        renewed.parentRefreshTokenHash = nil
        return renewed
    }

    /// The claims that replace verified ones when only the payload changes: the expiry and the lineage stay.
    public static func reissue(
        of claims: AccessTokenClaims, payload: JSONObjectText, issuedAt: Timestamp
    ) -> AccessTokenClaims {
        var reissued = claims
        reissued.userData = payload
        reissued.issuedAt = claims.format.representable(issuedAt)
        return reissued
    }
}
