/// Why an access token is not accepted.
///
/// The caller's remedy is always the same: refresh.
public enum AccessTokenProblem: Error, Sendable, Equatable {
    /// Members that a header is checked for.
    public enum HeaderMember: String, Sendable {
        /// The type of the token, always `JWT`.
        case typ
        /// The signature's algorithm.
        case alg
        /// The token's format.
        case version
        /// The name of the signing key.
        case kid
    }

    /// Not three parts of strict base64 around JSON objects.
    case malformed
    /// The header lacks a member.
    case headerLacks(HeaderMember)
    /// A header member has a value that no token of ours has.
    case headerMismatch(HeaderMember)
    /// The header has a member that no token of ours has, such as `crit`, `jwk`, `jku`, `x5u`, `x5c` or `zip`
    /// (docs/specification/security.md T02 to T04).
    case headerNotAllowed
    /// There are three parts, and the first is no header of any known form.
    case headerUnreadable
    /// The header names a key that is not, or no longer, trusted.
    case unknownKey
    /// No trusted key made the signature.
    case signatureInvalid
    /// The signature is good and the token has expired.
    case expired
    /// The signature is good and a claim is absent or of the wrong type.
    case missingClaim(String)
    /// The session was given no anti-CSRF token, and one is asked for.
    case antiCSRFMissing
    /// The anti-CSRF token did not come with the request or is not the session's.
    case antiCSRFMismatch
    /// The signature is good, and the session was restored from a copy that is older than the token: a refresh puts that
    /// right.
    case newerThanSession
}
