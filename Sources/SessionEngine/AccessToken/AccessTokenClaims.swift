import Foundations
public import LosslessJSON

/// What an access token says.
///
/// A value read from a token exists only after its signature was verified
/// (``UnverifiedAccessToken/claims(verifiedBy:)``).
public struct AccessTokenClaims: Sendable, Equatable {
    /// The form in which the token was, or is to be, written.
    public var format: AccessTokenFormat
    /// The session.
    public var handle: SessionHandle
    /// The (primary) user.
    public var userID: UserID
    /// The user of the login method; equal to `userID` where no accounts are linked.
    public var recipeUserID: UserID
    /// The tenant the session belongs to.
    public var tenantID: TenantID
    /// The hash of the refresh token that was issued together with this token.
    public var refreshTokenHash: TokenHash
    /// The hash of the refresh token that was presented for this one; `nil` once the child has been used.
    public var parentRefreshTokenHash: TokenHash?
    /// The anti-CSRF token the session was given, if it was.
    public var antiCSRFToken: AntiCSRFToken?
    /// When the token was made.
    public var issuedAt: Timestamp
    /// When it stops being accepted.
    public var expiresAt: Timestamp
    /// The application's payload.
    public var userData: JSONObjectText

    /// Makes claims for a new token.
    public init(
        format: AccessTokenFormat,
        handle: SessionHandle,
        userID: UserID,
        recipeUserID: UserID,
        tenantID: TenantID,
        refreshTokenHash: TokenHash,
        parentRefreshTokenHash: TokenHash?,
        antiCSRFToken: AntiCSRFToken?,
        issuedAt: Timestamp,
        expiresAt: Timestamp,
        userData: JSONObjectText
    ) {
        self.format = format
        self.handle = handle
        self.userID = userID
        self.recipeUserID = recipeUserID
        self.tenantID = tenantID
        self.refreshTokenHash = refreshTokenHash
        self.parentRefreshTokenHash = parentRefreshTokenHash
        self.antiCSRFToken = antiCSRFToken
        self.issuedAt = format.representable(issuedAt)
        self.expiresAt = format.representable(expiresAt)
        self.userData = userData
    }

    /// Whether the token has expired, which includes its expiry time (docs/specification/security.md T07).
    public func isExpired(at now: Timestamp) -> Bool { expiresAt <= now }

    /// Equal in every claim; the anti-CSRF tokens are compared in constant time.
    public static func == (left: AccessTokenClaims, right: AccessTokenClaims) -> Bool {
        let sameCSRF = left.antiCSRFToken.map { $0.matches(right.antiCSRFToken) } ?? (right.antiCSRFToken == nil)
        return sameCSRF && left.format == right.format && left.handle == right.handle && left.userID == right.userID
            && left.recipeUserID == right.recipeUserID && left.tenantID == right.tenantID
            && left.refreshTokenHash == right.refreshTokenHash
            && left.parentRefreshTokenHash == right.parentRefreshTokenHash && left.issuedAt == right.issuedAt
            && left.expiresAt == right.expiresAt && left.userData.isEquivalent(to: right.userData)
    }
}

extension AccessTokenFormat {
    /// A time as this form can carry it: V3 and newer count whole seconds.
    func representable(_ time: Timestamp) -> Timestamp {
        isLegacy ? time : Timestamp(milliseconds: time.wholeSeconds.saturatingMultiply(1000))
    }
}
