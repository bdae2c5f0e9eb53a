import SessionEngine

extension Catalogue {
    /// Behaviour that differs between versions; later entries build on earlier ones.
    static let rules = [
        Rule(
            what: "access tokens of format V2",
            availability: Availability(introduced: "2.0"),
            reason:
                "Only the first SDK verifies V1 tokens itself; all later ones know V2 (docs/specification/core.md 10.1 no. 3)."
        ) { $0.accessTokenFormat = .v2 },
        Rule(
            what: "a cookie domain that is not set is left out",
            availability: Availability(introduced: "2.2"),
            reason: "A cookie domain that is not set is left out; before, drivers got localhost."
        ) { $0.unsetCookieDomain = nil },
        Rule(
            what: "refresh checks the anti-CSRF token",
            availability: Availability(introduced: "2.3"),
            reason:
                "Before, a driver could not send the anti-CSRF token with a refresh (docs/specification/core.md 10.2)."
        ) { $0.checksAntiCSRFAtRefresh = true },
        Rule(
            what: "a refused question about the configuration says NOT_ALLOWED",
            availability: Availability(introduced: "2.4"),
            reason: "The status became one word (docs/specification/core.md 1.8)."
        ) { $0.refusedConfigurationStatus = "NOT_ALLOWED" },
        Rule(
            what: "the handshake needs no body",
            availability: Availability(introduced: "2.5"),
            reason: "A handshake says nothing, and later cores read nothing (docs/specification/core.md 1.6.1)."
        ) { $0.readsHandshakeBody = false },
        Rule(
            what: "exact messages; a session handle can name a tenant",
            availability: Availability(introduced: "2.21"),
            reason: "Messages say which header member or claim was wrong; texts are those of Java 21."
        ) {
            $0.namesHeaderMembers = true
            $0.namesMissingClaims = true
            $0.tagMismatchText = "Tag mismatch"
            $0.handlesNameTenants = true
        },
        Rule(
            what: "access tokens of format V3",
            availability: Availability(introduced: "2.21"), reason: "Access tokens are standard JWTs."
        ) { $0.accessTokenFormat = .v3 },
        Rule(
            what: "access tokens of format V4; a path can name a tenant",
            availability: Availability(introduced: "3.0"), reason: "Sessions belong to a tenant."
        ) {
            $0.accessTokenFormat = .v4
            $0.pathsNameTenants = true
        },
        Rule(
            what: "access tokens of format V5",
            availability: Availability(introduced: "4.0"), reason: "Accounts can be linked."
        ) { $0.accessTokenFormat = .v5 },
        Rule(
            what: "operations of an app are refused under a tenant's path",
            availability: Availability(introduced: "5.0"),
            reason: "What concerns an app is not asked through one of its tenants."
        ) { $0.refusesTenantsForAppOperations = true },
        Rule(
            what: "verify is refused under a tenant's path",
            availability: Availability(introduced: "5.6"),
            reason: "A verification that only looks names its tenant in the token (docs/specification/core.md 1.2)."
        ) { $0.refusesTenantsForVerification = true },
        Rule(
            what: "refresh rotates at once, with a grace period; verify changes nothing",
            availability: Availability(introduced: "5.6"),
            reason:
                "A token that was rotated out is refused at once, not at its child's first use (docs/specification/core.md 4.4)."
        ) { $0.rotation = .atOnce },
    ]
}
