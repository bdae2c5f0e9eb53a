import SessionEngine

@testable import CoreDriverInterface

extension VersionTable {
    /// Operation, field, presence by versions; ignored in all others (docs/specification/core.md 1.6, 1.7 and 1.8).
    ///
    /// The two choices at `remove` are read since CDI 2.21 (recorded with cores 7.0 and 9.3); core 3.6.1 did not.
    static let inputs: [InputRow] = [
        row(.createSession, "enableAntiCsrf", ("2.6-", .required)),
        row(.verifySession, "enableAntiCsrf", ("2.6-", .required)),
        row(.refreshSession, "enableAntiCsrf", ("2.6-", .required)),
        row(.verifySession, "checkDatabase", ("2.21-", .required)),
        row(.createSession, "useDynamicSigningKey", ("2.21-", .optional)),
        row(.refreshSession, "useDynamicSigningKey", ("3.0-4.0", .optional), ("5.0-", .required)),
        row(.createSession, "accessTokenValidity", ("5.6", .optional)),
        row(.refreshSession, "accessTokenValidity", ("5.6", .optional)),
        row(.createToken, "useStaticSigningKey", ("2.21-", .optional)),
        row(.countUsers, "allowApproximate", ("5.6", .optional)),
        row(.removeSessions, "revokeAcrossAllTenants", ("2.21-", .optional)),
        row(.removeSessions, "revokeSessionsForLinkedAccounts", ("2.21-", .optional)),
    ]

    /// Versions and what they do (docs/specification/core.md 0.2, 1.2, 1.3.1, 1.3.5, 1.6.1, 1.8, 2.6, 3.5 and 4.4);
    /// every field of ``DialectRules`` has a row for every version.
    static let rules: [RuleRow] = [
        rule("1.0") { $0.accessTokenFormat = .v1 }, rule("2.0-2.20") { $0.accessTokenFormat = .v2 },
        rule("2.21") { $0.accessTokenFormat = .v3 }, rule("3.0-3.1") { $0.accessTokenFormat = .v4 },
        rule("4.0-") { $0.accessTokenFormat = .v5 },
        rule("1.0-2.1") { $0.unsetCookieDomain = "localhost" }, rule("2.2-") { $0.unsetCookieDomain = nil },
        rule("1.0-2.2") { $0.checksAntiCSRFAtRefresh = false }, rule("2.3-") { $0.checksAntiCSRFAtRefresh = true },
        rule("1.0-2.20") { $0.namesHeaderMembers = false }, rule("2.21-") { $0.namesHeaderMembers = true },
        rule("1.0-2.20") { $0.namesMissingClaims = false }, rule("2.21-") { $0.namesMissingClaims = true },
        rule("1.0-2.20") { $0.tagMismatchText = "Tag mismatch!" },
        rule("2.21-") { $0.tagMismatchText = "Tag mismatch" },
        rule("1.0-2.20") { $0.handlesNameTenants = false }, rule("2.21-") { $0.handlesNameTenants = true },
        rule("1.0-2.4") { $0.readsHandshakeBody = true }, rule("2.5-") { $0.readsHandshakeBody = false },
        rule("1.0-2.21") { $0.pathsNameTenants = false }, rule("3.0-") { $0.pathsNameTenants = true },
        rule("1.0-2.3") { $0.refusedConfigurationStatus = "NOT ALLOWED" },
        rule("2.4-") { $0.refusedConfigurationStatus = "NOT_ALLOWED" },
        rule("1.0-5.5") { $0.rotation = .atFirstUse }, rule("5.6") { $0.rotation = .atOnce },
        rule("1.0-4.0") { $0.refusesTenantsForAppOperations = false },
        rule("5.0-") { $0.refusesTenantsForAppOperations = true },
        rule("1.0-5.5") { $0.refusesTenantsForVerification = false },
        rule("5.6") { $0.refusesTenantsForVerification = true },
    ]

    private static func row(
        _ operation: CoreOperation, _ name: String, _ presences: (Span, Catalogue.Presence)...
    ) -> InputRow {
        InputRow(operation: operation, name: name, presences: presences.map { (span: $0.0, presence: $0.1) })
    }

    private static func rule(_ span: Span, _ apply: @escaping @Sendable (inout DialectRules) -> Void) -> RuleRow {
        RuleRow(span: span, apply: apply)
    }
}
