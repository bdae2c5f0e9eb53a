import Foundations
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

@testable import TesseraRemoteCore

/// Tokens that the core signs for receivers of events are signed by a key of the key set; no verifier takes one for a session.
@Suite("Tokens of security events at a Swift server (docs/decisions/0049)")
struct EventConfusionTests {
    @Test(
        "a SET and a logout token are no access tokens, also under another typ",
        arguments: [EventToken.setType, EventToken.logoutType, "JWT", "at+jwt"])
    func confusion(type: String) async throws {
        let changes = KeyChanges()
        let now = changes.clock.time
        let key = try TestKeys.signingKey(.rs256, id: "s-1", kind: .static, createdAt: now.milliseconds)
        let schedule = KeySchedule(updateInterval: .seconds(86_400), accessTokenValidity: .seconds(3_600))
        changes.cores.publish(try KeyRing([key]).jwks(at: now, schedule: schedule))
        let entry = AuditEvent.revoked(
            SessionHandle("0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11"), tenant: .public, user: UserID("u"),
            Revocation(by: .user, .handle, at: now))
        let event = try #require(SecurityEvent(entry))
        let id = SecurityEventID(of: entry, 1, for: "s", in: .public)
        let parties = EventToken.Parties(issuer: "https://auth.example.com", audience: "https://rp.example.com")
        let set = EventToken.claims(of: event, id, parties, issuedAt: now)
        let logout = try #require(EventToken.logoutClaims(of: event, id, parties, at: now))
        let backend = try changes.cores.backend()
        for claims in [set, logout] {
            let token = try EventToken.sign(claims, as: type, with: key)
            let error = await #expect(throws: SessionError.self) {
                try await backend.verify(PresentedAccessToken(accessToken: token))
            }
            #expect(error?.code == .tryRefreshToken)
        }
        // The control: the same key's token of a session is taken.
        let claims = AccessTokenClaims(
            format: .v5, handle: SessionHandle("h"), userID: UserID("u"), recipeUserID: UserID("u"), tenantID: .public,
            refreshTokenHash: TokenHash(of: RefreshToken("r")), parentRefreshTokenHash: nil, antiCSRFToken: nil,
            issuedAt: now, expiresAt: now + .seconds(60), userData: JSONObjectText([:]))
        let good = try AccessToken(signing: claims, with: key).exposed
        #expect(try await backend.verify(PresentedAccessToken(accessToken: good)).facts.userID == "u")
    }
}
