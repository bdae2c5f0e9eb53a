import Foundations
import Logging
import LosslessJSON
import SessionEngine

/// No token that browsers would drop: they keep the older one, and refresh for ever
/// (docs/specification/security.md T25).
extension SessionSettings {
    /// What an access token gains with its first refresh: the hash of the refresh token that was presented, in base64.
    private static func growth(of payload: JSONObject?) -> Int {
        switch payload?["parentRefreshTokenHash1"] {
        case .some(.string): 0
        case .some: 84
        case nil: 128
        }
    }

    /// Refuses a payload whose access token no browser would keep, now or after the next refresh.
    ///
    /// - Parameters:
    ///   - accessToken: the token as it is.
    ///   - growth: by how many bytes its payload is about to grow.
    ///   - payload: what is in it, for the error.
    /// - Throws: ``SessionError/badInput(_:)`` with the largest parts of the payload.
    func requireFittingCookie(accessToken: String, growth: Int = 0, payload: JSONObject) throws(SessionError) {
        let visible = (try? UnverifiedAccessToken(accessToken))?.visiblePayload
        let total = length(.access, accessToken) + (growth * 4 + 2) / 3 + Self.growth(of: visible)
        guard total > SetCookie.maximumLength else { return }
        let sizes = payload.members.map { (name: $0.name, size: $0.value.text.utf8.count) }
            .sorted { $0.size > $1.size }.prefix(3).map { "\($0.name) (\($0.size) bytes)" }.joined(separator: ", ")
        throw .badInput(
            "the access token's cookie could have \(total) bytes, and browsers keep \(SetCookie.maximumLength); the "
                + "largest parts of the payload are \(sizes): keep such data in the session's data")
    }

    /// Refuses a refresh token that no browser would keep; its successors have a few more characters to escape, or fewer.
    func requireFittingCookie(refreshToken: RefreshToken, of user: UserID) throws(SessionError) {
        let total = length(.refresh, refreshToken.exposed) + refreshToken.exposed.utf8.count / 16
        guard total > SetCookie.maximumLength else { return }
        throw .badInput(
            "the refresh token's cookie could have \(total) bytes, and browsers keep \(SetCookie.maximumLength); the user "
                + "id in it has \(user.rawValue.utf8.count)")
    }

    /// What browsers count: name, and value as it is written.
    private func length(_ kind: TokenKind, _ value: String) -> Int {
        cookieName(kind).utf8.count + PercentEncoding.component.encode(value).utf8.count
    }
}

extension Sessions {
    /// Refuses a new session whose cookies would not be kept, and ends it.
    ///
    /// - Throws: ``SessionError/badInput(_:)``.
    func requireFittingCookies(_ issued: IssuedTokens, payload: JSONObject) async throws(SessionError) {
        do {
            try settings.requireFittingCookie(accessToken: issued.accessToken.exposed, payload: payload)
            try settings.requireFittingCookie(refreshToken: issued.refreshToken, of: issued.session.userID)
        } catch {
            _ = try await backend.revoke([issued.session.handle])
            throw error
        }
    }

    /// Ends a session that has outgrown its cookies elsewhere, before its browser refreshes for ever.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)``.
    func requireKeptCookies(_ issued: IssuedTokens) async throws(SessionError) {
        let settings = settings
        let payload = issued.accessToken.visiblePayload ?? [:]
        do {
            try settings.requireFittingCookie(accessToken: issued.accessToken.exposed, payload: payload)
            try settings.requireFittingCookie(refreshToken: issued.refreshToken, of: issued.session.userID)
        } catch {
            logger.error("a session was ended: \(error.reason)")
            _ = try await backend.revoke([issued.session.handle])
            throw .unauthorised(reason: error.reason, clearTokens: true)
        }
    }
}
