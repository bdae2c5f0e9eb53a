public import LosslessJSON

/// The five forms an access token has had.
///
/// What differs between them is data; see `claims` and ``isLegacy``.
public enum AccessTokenFormat: Int, Sendable, CaseIterable {
    /// Padded base64, no key id; the form of 2020, the only one the first SDK verifies itself.
    case v1 = 1
    /// As V1 with another header.
    case v2 = 2
    /// A standard JWS (RFC 7515) that names its key.
    case v3 = 3
    /// As V3, with the tenant.
    case v4 = 4
    /// As V4, with the recipe user beside the primary user.
    case v5 = 5

    /// The newest form.
    public static let newest = AccessTokenFormat.v5

    /// One thing that a token says about its session.
    enum Claim {
        case issuedAt, expiresAt, userID, tenant, recipeUser, handle, tokenHash, parentHash, antiCSRF, userData
    }

    /// A claim under the name it has in one format.
    struct NamedClaim {
        let name: String
        let claim: Claim

        init(_ name: String, _ claim: Claim) {
            self.name = name
            self.claim = claim
        }
    }

    /// Whether this is the 2020 form: padded base64, fixed header, times in ms, payload nested, absent for null.
    public var isLegacy: Bool {
        switch self {
        case .v1, .v2: true
        case .v3, .v4, .v5: false
        }
    }

    /// The claims in the order in which they are written (docs/specification/core.md 2.2 and 2.3).
    var claims: [NamedClaim] {
        switch self {
        case .v1, .v2: Self.legacyClaims
        case .v3: Self.v3Claims
        case .v4: Self.v4Claims
        case .v5: Self.v5Claims
        }
    }

    /// The names that a caller may not put at the top level of a payload of this form (docs/specification/core.md 2.5).
    public var protectedClaims: Set<String> {
        switch self {
        case .v1, .v2: Self.legacyProtected
        case .v3: Self.v3Protected
        case .v4: Self.v4Protected
        case .v5: Self.v5Protected
        }
    }

    /// Why a payload cannot be encoded in a token of this form, if it cannot.
    public func problem(with payload: JSONObject) -> PayloadProblem? {
        // Legacy forms nest the payload, so that its names are free.
        if !isLegacy && !protectedClaims.isDisjoint(with: payload.names) { return .protectedClaim }
        return JSONObjectText(payload).isTooLarge ? .tooLarge : nil
    }

    /// Whether a payload may travel in a token of this form.
    public func accepts(_ payload: JSONObject) -> Bool { problem(with: payload) == nil }

    private static let legacyClaims: [NamedClaim] = [
        NamedClaim("sessionHandle", .handle), NamedClaim("userId", .userID),
        NamedClaim("refreshTokenHash1", .tokenHash), NamedClaim("parentRefreshTokenHash1", .parentHash),
        NamedClaim("userData", .userData), NamedClaim("antiCsrfToken", .antiCSRF),
        NamedClaim("expiryTime", .expiresAt), NamedClaim("timeCreated", .issuedAt),
    ]
    private static let v3Claims =
        [NamedClaim("iat", .issuedAt), NamedClaim("exp", .expiresAt), NamedClaim("sub", .userID)] + lineage
    private static let v4Claims = Array(v3Claims.prefix(3)) + [NamedClaim("tId", .tenant)] + lineage
    private static let v5Claims = Array(v4Claims.prefix(4)) + [NamedClaim("rsub", .recipeUser)] + lineage
    private static let legacyProtected: Set = [
        "userId", "expiryTime", "timeCreated", "sessionHandle", "refreshTokenHash1",
    ]
    private static let v3Protected = Set(v3Claims.map(\.name))
    private static let v4Protected = Set(v4Claims.map(\.name))
    private static let v5Protected = Set(v5Claims.map(\.name))
    private static let lineage = [
        NamedClaim("sessionHandle", .handle), NamedClaim("refreshTokenHash1", .tokenHash),
        NamedClaim("parentRefreshTokenHash1", .parentHash), NamedClaim("antiCsrfToken", .antiCSRF),
    ]
}

/// Why a payload cannot travel in an access token.
public enum PayloadProblem: Sendable, Equatable {
    /// It has a name at its top level that tokens keep for themselves (docs/specification/core.md 2.5).
    case protectedClaim
    /// It is longer than ``PayloadProblem/maximumLength``: the token would be longer than any that is accepted.
    case tooLarge

    /// The longest payload, in bytes of JSON.
    ///
    /// Browsers take cookies of 4 KiB; this is for those who use headers.
    public static let maximumLength = 40_000
}

extension JSONObjectText {
    /// Whether no token can carry this payload.
    var isTooLarge: Bool { text.utf8.count > PayloadProblem.maximumLength }
}
