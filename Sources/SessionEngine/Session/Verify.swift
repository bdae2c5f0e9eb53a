import LosslessJSON

/// Deciding a verification of an access token (docs/specification/core.md 4.3).
public enum Verify {
    /// The rules that differ between callers.
    public struct Rules: Sendable {
        /// Whether the session must still exist, and whether a newer payload replaces the token's.
        public var checksDatabase: Bool
        /// How long a session lives after a successor's first use.
        public var terms: SessionTerms
        /// When the session rotates; where that is at once, a verification never writes and never gives a token
        /// (docs/specification/core.md 4.4).
        public var rotation: Refresh.Rotation
        /// The lifetime of a whole access token; one that lives shorter is never replaced by one that lives longer.
        public var accessTokenValidity: Milliseconds
        /// The length of a refresh token's first window.
        public var sharingWindow: Milliseconds
        /// The store's restore number.
        public var restoreNumber: UInt8
        /// Whether tokens say when and how their user was authenticated, which the stored payload does not.
        public var tellsAuthentication: Bool

        public init(
            checksDatabase: Bool, terms: SessionTerms, rotation: Refresh.Rotation = .atFirstUse,
            accessTokenValidity: Milliseconds = .seconds(3_600), sharingWindow: Milliseconds = .seconds(60),
            restoreNumber: UInt8 = 0, tellsAuthentication: Bool = false
        ) {
            self.checksDatabase = checksDatabase
            self.terms = terms
            self.rotation = rotation
            self.accessTokenValidity = accessTokenValidity
            self.sharingWindow = sharingWindow
            self.restoreNumber = restoreNumber
            self.tellsAuthentication = tellsAuthentication
        }
    }

    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// The token is good as it is.
        ///
        /// `newerPayload` is whether a refresh would give another payload, where the database was checked.
        case valid(newerPayload: Bool?)
        /// The token is good and is to be replaced by one with this session's payload, this lifetime and no parent.
        case renew(SessionRecord, Refresh.Lifetime)
        /// The session has been revoked or has expired.
        case sessionNotActive
        /// The token is superseded: others have been issued since.
        case superseded
        /// The token is newer than its session, which was restored from a copy: a refresh puts that right.
        case newerThanSession
        /// The payload in storage cannot be encoded in a token of this format.
        case payloadRefused
    }

    /// Checks what needs no storage: time and the anti-CSRF token.
    ///
    /// - Parameters:
    ///   - claims: the verified claims.
    ///   - antiCSRFToken: the token that came with the request; `nil` if none did.
    ///   - checksAntiCSRF: whether one has to.
    ///   - usesAntiCSRF: whether the driver uses anti-CSRF tokens; none is required where it does not.
    ///   - now: the time.
    /// - Throws: ``AccessTokenProblem``.
    public static func check(
        _ claims: AccessTokenClaims, antiCSRFToken: AntiCSRFToken?, checksAntiCSRF: Bool, usesAntiCSRF: Bool = true,
        at now: Timestamp
    ) throws(AccessTokenProblem) {
        if claims.isExpired(at: now) { throw .expired }
        guard checksAntiCSRF, usesAntiCSRF else { return }
        guard let expected = claims.antiCSRFToken else { throw .antiCSRFMissing }
        guard expected.matches(antiCSRFToken) else { throw .antiCSRFMismatch }
    }

    /// Whether the session's record is needed at all.
    ///
    /// False for a token without a predecessor unless a database check is requested.
    public static func needsRecord(_ claims: AccessTokenClaims, rules: Rules) -> Bool {
        rules.checksDatabase || (claims.parentRefreshTokenHash != nil && rules.rotation == .atFirstUse)
    }

    /// Decides, with the record as storage has it at this step.
    public static func decide(
        of claims: AccessTokenClaims, against record: SessionRecord?, at now: Timestamp, rules: Rules
    ) -> Decision<Outcome> {
        guard let record, !record.isExpired(at: now, within: rules.terms) else {
            return Decision(.keep, .sessionNotActive)
        }
        let payloadChanged = rules.checksDatabase && isChanged(record, claims, rules)
        if rules.rotation == .atOnce {
            guard relation(of: claims, record) == .unrelated else {
                return Decision(.keep, .valid(newerPayload: payloadChanged))
            }
            return Decision(.keep, isNewer(claims, than: record, rules) ? .newerThanSession : .superseded)
        }
        return renewal(of: claims, record, payloadChanged: payloadChanged, at: now, rules)
    }

    /// Whether the stored payload is another one than the token's, apart from what only tokens have.
    private static func isChanged(_ record: SessionRecord, _ claims: AccessTokenClaims, _ rules: Rules) -> Bool {
        var (stored, carried) = (record.accessTokenPayload, claims.userData)
        if record.traits.boundKey?.kind == .dpop {
            (stored, carried) = (ConfirmationClaim.removed(from: stored), ConfirmationClaim.removed(from: carried))
        }
        guard rules.tellsAuthentication else { return !stored.isEquivalent(to: carried) }
        return !AuthenticationClaims.removed(from: stored).isEquivalent(to: AuthenticationClaims.removed(from: carried))
    }

    private static func relation(of claims: AccessTokenClaims, _ record: SessionRecord) -> TokenRelation {
        record.relation(of: claims.refreshTokenHash.stored, parent: claims.parentRefreshTokenHash?.stored)
    }

    /// Whether a token was issued after the copy was made from which the store was restored.
    private static func isNewer(_ claims: AccessTokenClaims, than record: SessionRecord, _ rules: Rules) -> Bool {
        record.rotationCount.restoreNumber < rules.restoreNumber
            && claims.issuedAt > record.rotatedAt ?? record.createdAt
    }

    /// The first verification of a successor's access token is its first use: it promotes the successor.
    private static func renewal(
        of claims: AccessTokenClaims, _ record: SessionRecord, payloadChanged: Bool,
        at now: Timestamp, _ rules: Rules
    ) -> Decision<Outcome> {
        let valid = Decision<Outcome>(.keep, .valid(newerPayload: nil))
        guard claims.parentRefreshTokenHash != nil || payloadChanged else { return valid }
        var (next, lifetime) = (record, lifetime(of: claims, record, rules))
        switch relation(of: claims, record) {
        case .current: break
        case .successorOfCurrent:
            next = record.promoting(
                claims.refreshTokenHash.stored, count: nil, at: now, within: rules.terms,
                window: rules.sharingWindow)
        case .previous, .successorOfPrevious, .unrelated:
            guard payloadChanged else { return valid }
            lifetime = .unchanged
        }
        guard claims.format.accepts(next.accessTokenPayload), next.namesItsActor else {
            return Decision(.keep, .payloadRefused)
        }
        guard next != record else { return Decision(.keep, .renew(next, lifetime)) }
        return Decision(.replace(next), .renew(next, lifetime), audit: .refreshed(next, at: now))
    }

    /// A token that was shortened keeps its expiry, and one whose refresh token was shared meanwhile is shortened now.
    private static func lifetime(
        of claims: AccessTokenClaims, _ record: SessionRecord, _ rules: Rules
    ) -> Refresh.Lifetime {
        // Newer formats have whole seconds: a whole token may seem a second shorter.
        let life = rules.terms.accessTokenLife(rules.accessTokenValidity, of: record.traits)
        let isWhole = claims.expiresAt - claims.issuedAt > life - .seconds(1)
        // Who has copied it lacks the cookie of the device, which no verification asks for: it gets no longer life by one, and a
        // shortened one may end later than the token does.
        guard isWhole, record.traits.boundKey?.kind != .dbsc else { return .unchanged }
        return record.isRecentlyShared ? .shortened : .whole
    }
}
