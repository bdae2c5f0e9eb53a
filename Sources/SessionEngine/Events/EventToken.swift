public import Foundations
public import LosslessJSON

/// The tokens that carry security events.
///
/// None can pass for an access token: the `typ` of the header is another, and what an access token must have is missing.
public enum EventToken {
    /// The `typ` of a Security Event Token (RFC 8417 section 2.3).
    public static let setType = "secevent+jwt"
    /// The `typ` of a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    public static let logoutType = "logout+jwt"
    /// How long a logout token lives.
    public static let logoutLife = Milliseconds.seconds(120)

    /// The names of all claims of a Security Event Token.
    static let setNames: Set = ["iss", "jti", "iat", "aud", "txn", "sub_id", "events"]
    /// The names of all claims of a logout token.
    static let logoutNames: Set = ["iss", "sub", "aud", "iat", "exp", "jti", "sid", "events"]

    private static let logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

    /// Who sends tokens to whom.
    public struct Parties: Sendable, Hashable {
        /// The `iss`.
        public var issuer: String
        /// The `aud`.
        public var audience: String

        public init(issuer: String, audience: String) {
            (self.issuer, self.audience) = (issuer, audience)
        }
    }

    /// The claims of a Security Event Token (RFC 8417; CAEP 1.0): one event, no `sub` and no `exp`.
    ///
    /// - Parameters:
    ///   - event: the event.
    ///   - id: what identifies it.
    ///   - parties: who sends it to whom.
    ///   - time: `iat`.
    public static func claims(
        of event: SecurityEvent, _ id: SecurityEventID, _ parties: Parties, issuedAt time: Timestamp
    ) -> JSONObject {
        [
            "iss": .string(parties.issuer), "jti": .string(id.id), "iat": .integer(time.wholeSeconds),
            "aud": .string(parties.audience), "txn": .string(id.transaction),
            "sub_id": .object(subject(of: event, issuer: parties.issuer)),
            "events": .object(JSONObject([.init(name: event.kind.uri, value: .object(members(of: event)))])),
        ]
    }

    /// The subject in the `complex` format (RFC 9493; CAEP 1.0 section 2).
    private static func subject(of event: SecurityEvent, issuer: String) -> JSONObject {
        var subject: JSONObject = ["format": "complex"]
        if let session = event.session { subject.append("session", .object(opaque(session.rawValue))) }
        if let user = event.user {
            subject.append(
                "user", .object(["format": "iss_sub", "iss": .string(issuer), "sub": .string(user.rawValue)]))
        }
        if let tenant = event.tenant { subject.append("tenant", .object(opaque(tenant.rawValue))) }
        return subject
    }

    private static func opaque(_ id: String) -> JSONObject { ["format": "opaque", "id": .string(id)] }

    private static func members(of event: SecurityEvent) -> JSONObject {
        var members: JSONObject = ["event_timestamp": .integer(event.time.wholeSeconds)]
        if let initiator = event.initiator { members.append("initiating_entity", .string(initiator.rawValue)) }
        members.append("reason_admin", .object(["en": .string(event.reason)]))
        return JSONObject(members.members + event.members.members)
    }

    /// The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    ///
    /// - Parameters:
    ///   - event: the event.
    ///   - id: what identifies it.
    ///   - parties: who sends it to whom.
    ///   - now: when it is made.
    /// - Returns: `nil` for an event that ended no session.
    public static func logoutClaims(
        of event: SecurityEvent, _ id: SecurityEventID, _ parties: Parties, at now: Timestamp
    ) -> JSONObject? {
        guard event.kind == .sessionRevoked else { return nil }
        var claims: JSONObject = ["iss": .string(parties.issuer)]
        if let user = event.user { claims.append("sub", .string(user.rawValue)) }
        claims.append("aud", .string(parties.audience))
        claims.append("iat", .integer(now.wholeSeconds))
        claims.append("exp", .integer((now + logoutLife).wholeSeconds))
        claims.append("jti", .string(id.id))
        if let session = event.session { claims.append("sid", .string(session.rawValue)) }
        claims.append("events", .object([logoutEvent: .object([:])]))
        return claims
    }

    /// What the signature of such a token, a JWS in compact form (RFC 7515 section 7.1), is made over.
    ///
    /// - Parameters:
    ///   - claims: the claims.
    ///   - type: the `typ` of the header.
    ///   - key: what is to sign.
    package static func signingInput(_ claims: JSONObject, as type: String, for key: SigningKey) -> [UInt8] {
        let header: JSONObject = [
            "typ": .string(type), "alg": .string(key.algorithm.rawValue), "kid": .string(key.id.rawValue),
        ]
        return CompactToken.signingInput(header, claims)
    }
}

/// The compact form of a signed token (RFC 7515 section 7.1).
package enum CompactToken {
    /// What a signature is made over.
    static func signingInput(_ header: JSONObject, _ claims: JSONObject) -> [UInt8] {
        Base64.url.encode(header.serialized()) + [UInt8(ascii: ".")] + Base64.url.encode(claims.serialized())
    }

    /// The token of what was signed.
    package static func text(_ signingInput: [UInt8], signature: [UInt8]) -> String {
        String(decoding: signingInput + [UInt8(ascii: ".")] + Base64.url.encode(signature), as: UTF8.self)
    }
}
