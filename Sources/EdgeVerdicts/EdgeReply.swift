import Foundations
package import LosslessJSON
import SessionEngine

/// An answer to a proxy or to a client of OAuth.
package struct EdgeReply: Sendable, Equatable {
    /// A field of an answer.
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            (self.name, self.value) = (name, value)
        }
    }

    package var status: Int
    package var fields: [Field]
    /// The document, if there is one.
    package var body: JSONObject?

    init(_ status: Int, _ fields: [Field] = [], body: JSONObject? = nil) {
        (self.status, self.fields, self.body) = (status, fields, body)
    }

    /// A verdict as `auth_request` of nginx, `forward_auth` of Caddy, `ForwardAuth` of Traefik and `ext_authz` of Envoy read it.
    ///
    /// - Parameters:
    ///   - verdict: the verdict.
    ///   - success: the status of a good one: Envoy takes nothing but 200.
    package static func authorization(_ verdict: EdgeVerdict, success: Int = 204) -> EdgeReply {
        switch verdict {
        case .active(let session): EdgeReply(success, fields(of: session))
        case .inactive(.missing): challenge(401, "Bearer")
        case .inactive(.expired):
            challenge(401, #"Bearer error="invalid_token", error_description="expired""#)
        case .inactive: challenge(401, #"Bearer error="invalid_token""#)
        case .levelTooLow(let wanted):
            challenge(403, #"Bearer error="insufficient_user_authentication""# + acceptable(wanted))
        case .untrusted: EdgeReply(403)
        case .proofNeeded(nil): challenge(401, #"DPoP error="invalid_dpop_proof", algs="ES256""#)
        case .proofNeeded(let nonce?):
            challenge(401, #"DPoP error="use_dpop_nonce", algs="ES256""#, [Field("DPoP-Nonce", nonce)])
        case .unavailable: unavailable
        }
    }

    /// A verdict as RFC 7662 section 2.2 has it; of what is not active there is one member, whatever the reason.
    package static func introspection(_ verdict: EdgeVerdict) -> EdgeReply {
        switch verdict {
        case .active(let session):
            EdgeReply(200, body: IntrospectionMembers.of(session.claims, payload: session.payload))
        case .unavailable: unavailable
        case .inactive, .levelTooLow, .untrusted, .proofNeeded: EdgeReply(200, body: IntrospectionMembers.inactive)
        }
    }

    /// Nothing is known: no client loses its session for it.
    package static let unavailable = EdgeReply(503, [Field("Retry-After", "1")])

    private static func challenge(_ status: Int, _ value: String, _ more: [Field] = []) -> EdgeReply {
        EdgeReply(status, [Field("WWW-Authenticate", value)] + more)
    }

    /// Whose session it is: all but letters, digits and `-_.!~*'()` as escapes of its UTF-8, so that no name can write a field, or
    /// a name of another encoding.
    private static func fields(of session: EdgeSession) -> [Field] {
        let claims = session.claims
        return [
            Field("Tessera-User-Id", PercentEncoding.component.encode(claims.userID.rawValue)),
            Field("Tessera-Session", PercentEncoding.component.encode(claims.handle.rawValue)),
            Field("Tessera-Tenant", PercentEncoding.component.encode(claims.tenantID.rawValue)),
        ]
    }

    /// The level for the client (RFC 9470 section 3), where it can stand between quotation marks.
    private static func acceptable(_ level: String) -> String {
        let isPlain = level.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        return isPlain && !level.isEmpty ? #", acr_values="\#(level)""# : ""
    }
}
