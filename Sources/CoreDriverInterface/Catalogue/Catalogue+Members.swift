extension Catalogue {
    private static let issuing: [ReplyShape] = [.created, .verified, .refreshed, .regenerated]

    private static func each(_ tokens: [String], _ members: String...) -> [String] {
        tokens.flatMap { token in members.map { "\(token).\($0)" } }
    }

    /// The members of replies that not every version has (docs/specification/core.md 0.2, 1.3.1, 1.5 and 1.6).
    static let members = [
        Members(
            paths: each(["accessToken"], "cookiePath", "cookieSecure", "domain"), shapes: issuing,
            availability: Availability(obsoleted: "2.4"), reason: "Cookie settings moved from the core to the drivers."),
        Members(
            paths: each(["refreshToken"], "cookiePath", "cookieSecure", "domain"), shapes: [.created, .refreshed],
            availability: Availability(obsoleted: "2.4"), reason: "Cookie settings moved from the core to the drivers."),
        Members(
            paths: each(["idRefreshToken"], "cookiePath", "cookieSecure", "domain"), shapes: [.created, .refreshed],
            availability: Availability(introduced: "2.0", obsoleted: "2.4"),
            reason: "The idRefreshToken got cookie settings of its own, until they moved to the drivers."),
        Members(
            paths: each(["accessToken"], "sameSite"), shapes: issuing,
            availability: Availability(introduced: "2.0", obsoleted: "2.4"),
            reason: "Browsers began to ask for SameSite."),
        Members(
            paths: each(["refreshToken", "idRefreshToken"], "sameSite"), shapes: [.created, .refreshed],
            availability: Availability(introduced: "2.0", obsoleted: "2.4"),
            reason: "Browsers began to ask for SameSite."),
        Members(
            paths: ["cookieDomain", "cookieSecure", "accessTokenPath", "refreshTokenPath"], shapes: [.handshake],
            availability: Availability(obsoleted: "2.4"), reason: "Cookie settings moved from the core to the drivers."),
        Members(
            paths: ["cookieSameSite", "idRefreshTokenPath", "sessionExpiredStatusCode"], shapes: [.handshake],
            availability: Availability(introduced: "2.0", obsoleted: "2.4"),
            reason: "Drivers asked for SameSite and the status code, until those moved to the drivers."),
        Members(
            paths: ["enableAntiCsrf"], shapes: [.handshake], availability: Availability(obsoleted: "2.6"),
            reason: "Drivers decide about anti-CSRF in each call."),
        Members(
            paths: ["idRefreshToken"], shapes: [.created, .refreshed], availability: Availability(obsoleted: "2.21"),
            reason: "Front ends know about a session from the front token."),
        Members(
            paths: ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"], shapes: [.created, .verified, .handshake],
            availability: Availability(obsoleted: "2.21"), reason: "Tokens name their key; the key set is public."),
        Members(
            paths: ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"], shapes: [.tryRefresh],
            availability: Availability(introduced: "2.7", obsoleted: "2.21"),
            reason: "A driver whose key was old learns the new one with the refusal."),
        Members(
            paths: ["jwtSigningPublicKeyList"], shapes: [.created, .verified, .tryRefresh, .handshake],
            availability: Availability(introduced: "2.9", obsoleted: "2.21"),
            reason: "Several keys verify at one time; later, tokens name theirs."),
        Members(
            paths: ["accessTokenValidity", "refreshTokenValidity"], shapes: [.handshake],
            availability: Availability(introduced: "2.4"),
            reason: "Drivers set the cookies, so they need the lifetimes."),
        Members(
            paths: ["session.tenantId"], shapes: issuing, availability: Availability(introduced: "3.0"),
            reason: "Sessions belong to a tenant."),
        Members(
            paths: ["tenantId"], shapes: [.sessionInformation], availability: Availability(introduced: "3.0"),
            reason: "Sessions belong to a tenant."),
        Members(
            paths: ["session.recipeUserId"], shapes: issuing, availability: Availability(introduced: "4.0"),
            reason: "Accounts can be linked."),
        Members(
            paths: ["session.recipeUserId"], shapes: [.reuseDetected], availability: Availability(introduced: "2.21"),
            reason:
                "The cores that link accounts sent it here to earlier drivers, too (docs/specification/core.md 1.6.5)."),
        Members(
            paths: ["recipeUserId"], shapes: [.sessionInformation], availability: Availability(introduced: "4.0"),
            reason: "Accounts can be linked."),
        Members(
            paths: ["accessToken"], shapes: [.verified], availability: Availability(obsoleted: "5.6"),
            reason: "A verification changes nothing; new tokens come from a refresh."),
        Members(
            paths: ["payloadUpdateAvailable"], shapes: [.verified], availability: Availability(introduced: "5.6"),
            reason: "A verification gives no token, so it says when a refresh would give another payload."),
        Members(
            paths: ["recentTokenReuseSubtype"], shapes: [.reuseDetected], availability: Availability(introduced: "5.6"),
            reason: "A driver may be lenient where the reuse is recent."),
        Members(
            paths: ["approximate", "asOf"], shapes: [.userCount], availability: Availability(introduced: "5.6"),
            reason: "A count may be an older one where the driver allows that."),
    ]
}
