import LosslessJSON
import SessionEngine
import TestSupport

/// Values for tests that do not care which.
enum Sample {
    static let now = Timestamp(milliseconds: 1_700_000_000_000)
    static let hour = Milliseconds.seconds(3_600)
    static let validity = Milliseconds.seconds(100 * 86_400)
    static let handle = SessionHandle("11111111-1111-4111-8111-111111111111")

    /// The hash of a token that is known by its name only.
    static func hash(_ name: String) -> TokenHash { TokenHash(of: RefreshToken(name)) }

    static func claims(
        _ format: AccessTokenFormat, token: String = "R0", parent: String? = nil, antiCSRFToken: String? = nil,
        issuedAt: Timestamp = now, expiresAt: Timestamp = now + hour, userData: JSONObject = ["k": "v"]
    ) -> AccessTokenClaims {
        AccessTokenClaims(
            format: format, handle: handle, userID: UserID("u1"), recipeUserID: UserID("u1"), tenantID: .public,
            refreshTokenHash: hash(token), parentRefreshTokenHash: parent.map(hash),
            antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init), issuedAt: issuedAt, expiresAt: expiresAt,
            userData: JSONObjectText(userData))
    }

    static func record(
        current: String = "R0", payload: JSONObject = ["k": "v"], expiresAt: Timestamp = now + hour,
        kind: SigningKeyKind = .dynamic
    ) -> SessionRecord {
        SessionRecord(
            handle: handle, tenantID: .public, userID: UserID("u1"), currentTokenHash: hash(current).stored,
            sessionData: JSONObjectText([:]), accessTokenPayload: JSONObjectText(payload), createdAt: now,
            expiresAt: expiresAt, signingKeyKind: kind)
    }

    static func rules(
        rotation: Refresh.Rotation = .atFirstUse,
        successorPolicy: Refresh.SuccessorPolicy = .deterministic, revokesOnReuse: Bool = true,
        checksAntiCSRF: Bool = true,
        kind: SigningKeyKind? = nil, format: AccessTokenFormat = .v5
    ) -> Refresh.Rules {
        Refresh.Rules(
            checksAntiCSRF: checksAntiCSRF, signingKeyKind: kind, format: format,
            terms: SessionTerms(validity: validity),
            rotation: rotation, successorPolicy: successorPolicy, gracePeriod: .seconds(30),
            revokesOnReuse: revokesOnReuse)
    }

    /// The hash of a successor that is known by its name only.
    static func successor(_ successor: Refresh.Successor) -> TokenHash? { hash("\(successor)") }

    static func content(
        parent: String? = nil, antiCSRFToken: String? = nil, user: String = "u1", tenant: TenantID = .public
    ) -> RefreshTokenContent {
        RefreshTokenContent(
            handle: handle, userID: UserID(user), parentHash: parent.map(hash),
            nonce: String(repeating: "0a", count: 32), antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init),
            tenantID: tenant)
    }

    /// A signed token of a format with the keys that verify it.
    static func signedToken(
        _ format: AccessTokenFormat, _ algorithm: SigningAlgorithm = .rs256
    ) throws -> (text: String, keys: VerificationKeys) {
        let key = try TestKeys.signingKey(algorithm)
        let token = try AccessToken(signing: claims(format), with: key)
        return (token.exposed, VerificationKeys([key.verificationKey]))
    }
}

/// What a verifier without a session store makes of a token at a time.
func judge(_ token: String, _ keys: VerificationKeys, at now: Timestamp) -> Result<
    AccessTokenClaims, AccessTokenProblem
> {
    do throws(AccessTokenProblem) {
        let claims = try UnverifiedAccessToken(token).claims(verifiedBy: keys)
        try Verify.check(claims, antiCSRFToken: nil, checksAntiCSRF: false, at: now)
        return .success(claims)
    } catch {
        return .failure(error)
    }
}
