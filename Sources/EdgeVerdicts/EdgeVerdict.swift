package import LosslessJSON
package import SessionEngine

/// A session whose access token is good.
package struct EdgeSession: Sendable, Equatable {
    package var claims: AccessTokenClaims
    /// The payload in the token.
    package var payload: JSONObject

    package init(claims: AccessTokenClaims, payload: JSONObject) {
        (self.claims, self.payload) = (claims, payload)
    }

    /// Whether the session has a level, or a higher one of `aal1` to `aal3`.
    func hasLevel(_ wanted: String) -> Bool {
        guard let level = payload["acr"]?.string else { return false }
        guard let has = Self.levels.firstIndex(of: level), let needs = Self.levels.firstIndex(of: wanted) else {
            return level == wanted
        }
        return has >= needs
    }

    private static let levels = ["aal1", "aal2", "aal3"]
}

/// What is to be said about the token of a request, before it is written down for who asked (docs/verify.md).
package enum EdgeVerdict: Sendable, Equatable {
    /// The token is good.
    case active(EdgeSession)
    /// It is missing, or it is not good.
    case inactive(Reason)
    /// The session does not have this level.
    case levelTooLow(String)
    /// Another site may have caused the request.
    case untrusted
    /// The token is bound to a key that the request does not prove; with a nonce the client may try again.
    case proofNeeded(nonce: String?)
    /// Nothing can be said now.
    case unavailable

    /// Why a token is not good.
    package enum Reason: Sendable, Equatable, CaseIterable {
        case missing, contradictory, invalid, expired, ended
        /// It is no access token at all; it may be a refresh token.
        case notAnAccessToken
    }

    /// Judges what is the request's and not the session's: where it comes from, and the level.
    ///
    /// - Parameters:
    ///   - session: the session of a token that is good.
    ///   - isCookie: whether the token came in a cookie.
    ///   - request: the request.
    ///   - origins: the origins whose pages may act with cookies.
    static func on(
        _ session: EdgeSession, isCookie: Bool, of request: EdgeRequest, trusting origins: Set<String>
    ) -> EdgeVerdict {
        if isCookie, !request.isSafe {
            guard request.isTrusted(origins) else { return .untrusted }
            if let expected = session.claims.antiCSRFToken, !expected.matches(request.antiCSRFToken) {
                return .untrusted
            }
        }
        if let wanted = request.levels.first(where: { !session.hasLevel($0) }) { return .levelTooLow(wanted) }
        return .active(session)
    }

    /// Its name in the metrics.
    package var name: String {
        switch self {
        case .active: "active"
        case .inactive(.missing): "missing"
        case .inactive(.contradictory): "contradictory"
        case .inactive(.invalid), .inactive(.notAnAccessToken): "invalid"
        case .inactive(.expired): "expired"
        case .inactive(.ended): "ended"
        case .levelTooLow: "level"
        case .untrusted: "untrusted"
        case .proofNeeded: "proof"
        case .unavailable: "unavailable"
        }
    }

    /// All names.
    package static let names = [
        "active", "missing", "contradictory", "invalid", "expired", "ended", "level", "untrusted", "proof",
        "unavailable",
    ]
}
