import LosslessJSON

/// Deciding a verification of an access token (spec `core-wire` 4.3).
public enum Verify {
    /// The rules that differ between callers.
    public struct Rules: Sendable {
        /// Whether the session must still exist, and whether a newer payload replaces the token's.
        public var checksDatabase: Bool
        /// How long a session lives after a child's first use.
        public var refreshTokenValidity: Milliseconds
        /// Whether a verification never writes and never gives a token (spec `core-wire` 4.4).
        public var isReadOnly: Bool
        /// What the children of one refresh token have in common.
        public var succession: Refresh.Succession

        /// Collects the rules.
        public init(
            checksDatabase: Bool, refreshTokenValidity: Milliseconds, isReadOnly: Bool = false,
            succession: Refresh.Succession = .deterministic
        ) {
            self.checksDatabase = checksDatabase
            self.refreshTokenValidity = refreshTokenValidity
            self.isReadOnly = isReadOnly
            self.succession = succession
        }
    }

    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// The token is good as it is.
        ///
        /// `newerPayload` tells whether a refresh would give another payload, where storage was asked.
        case valid(newerPayload: Bool?)
        /// The token is good and is to be replaced by one with this session's payload and without a parent.
        case renew(SessionRecord)
        /// The session has been revoked or its time is over.
        case sessionEnded
        /// The session has gone on without this token: others have been issued since.
        case rotatedOut
        /// The payload in storage cannot travel in a token of this format.
        case payloadRefused
    }

    /// Checks what needs no storage: time and the anti-CSRF token.
    ///
    /// - Parameters:
    ///   - claims: what the token says, its signature verified.
    ///   - antiCSRFToken: the token that came with the request; `nil` if none did.
    ///   - checksAntiCSRF: whether one has to.
    ///   - now: the time.
    /// - Throws: ``AccessTokenProblem``.
    public static func check(
        _ claims: AccessTokenClaims, antiCSRFToken: AntiCSRFToken?, checksAntiCSRF: Bool, at now: Timestamp
    ) throws(AccessTokenProblem) {
        if claims.isExpired(at: now) { throw .expired }
        guard checksAntiCSRF else { return }
        guard let expected = claims.antiCSRFToken else { throw .antiCSRFMissing }
        guard expected.matches(antiCSRFToken) else { throw .antiCSRFMismatch }
    }

    /// Whether the session's record is needed at all.
    ///
    /// A token without a parent that nobody wants checked is not.
    public static func needsRecord(_ claims: AccessTokenClaims, rules: Rules) -> Bool {
        rules.checksDatabase || (claims.parentRefreshTokenHash != nil && !rules.isReadOnly)
    }

    /// Decides, with the record as storage has it at this step.
    public static func decide(
        of claims: AccessTokenClaims, against record: SessionRecord?, at now: Timestamp, rules: Rules
    ) -> Decided<Outcome> {
        guard let record, !record.isExpired(at: now) else { return Decided(.keep, .sessionEnded) }
        let payloadChanged = rules.checksDatabase && !record.accessTokenPayload.means(claims.userData)
        let lineage = record.lineage(of: claims.refreshTokenHash, parent: claims.parentRefreshTokenHash)
        if rules.isReadOnly {
            return Decided(.keep, lineage == .neither ? .rotatedOut : .valid(newerPayload: payloadChanged))
        }
        return renewal(of: claims, record, lineage, payloadChanged: payloadChanged, at: now, rules)
    }

    /// The first verification of a child's access token is its first use: it promotes the child.
    private static func renewal(
        of claims: AccessTokenClaims, _ record: SessionRecord, _ lineage: Lineage, payloadChanged: Bool,
        at now: Timestamp, _ rules: Rules
    ) -> Decided<Outcome> {
        let valid = Decided<Outcome>(.keep, .valid(newerPayload: nil))
        guard claims.parentRefreshTokenHash != nil || payloadChanged else { return valid }
        var next = record
        switch lineage {
        case .current: next = record.used(rules.succession)
        case .childOfCurrent:
            next = record.promoting(
                claims.refreshTokenHash, at: now, validity: rules.refreshTokenValidity, rules.succession)
        case .previous, .childOfPrevious, .neither:
            guard payloadChanged else { return valid }
        }
        guard claims.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }
        guard next != record else { return Decided(.keep, .renew(next)) }
        return Decided(.replace(next), .renew(next), audit: .refreshed(next, at: now))
    }
}
