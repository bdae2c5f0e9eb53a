/// Deciding a refresh: who may have new tokens, who is told no, who is caught.
///
/// Two rules are spoken on the wire; see ``Rotation``. Both forgive a lost reply, and both notice a copied token as soon
/// as both copies are used.
public enum Refresh {
    /// A refresh token that this app sealed, with what came beside it.
    public struct Presented: Sendable {
        /// What the token says.
        public let content: RefreshTokenContent
        /// The hash of the token as it was presented.
        public let hash: TokenHash
        /// The anti-CSRF token of the request.
        public let antiCSRFToken: AntiCSRFToken?
        /// How many rotations went before the token, where it tells.
        public let generation: Int64?

        /// Collects what was presented.
        public init(
            content: RefreshTokenContent, hash: TokenHash, antiCSRFToken: AntiCSRFToken?, generation: Int64? = nil
        ) {
            self.content = content
            self.hash = hash
            self.antiCSRFToken = antiCSRFToken
            self.generation = generation
        }
    }

    /// When a child takes its parent's place.
    public enum Rotation: Sendable {
        /// At the child's first use (spec `core-wire` 4.2): until then the current token may be exchanged any number of
        /// times.
        case atFirstUse
        /// At once (spec `core-wire` 4.4): the parent may come back until its window closes.
        case atOnce
    }

    /// What the children of one token have in common (docs/decisions/0012).
    public enum Succession: String, Sendable, CaseIterable {
        /// A token has one child, whoever asks, and the parent's window closes when that child is first used.
        case deterministic = "DETERMINISTIC"
        /// Every exchange makes another child, as SuperTokens' core does: a second one takes the first one's place, or
        /// is its rival.
        case random = "RANDOM"
    }

    /// How old a token was that came back after it had been used up.
    public enum ReuseClass: String, Sendable, Equatable {
        /// The parent of the current token, after its grace.
        case previous
        /// A child of the current token's parent, whose sibling took its place.
        case orphan
        /// Older, or of unknown descent.
        case stale

        /// How many rotations lie between it and the current token, where the class alone tells.
        var generationsApart: Int64? {
            switch self {
            case .previous: 1
            case .orphan: 0
            case .stale: nil
            }
        }
    }

    /// The rules that differ between callers.
    public struct Rules: Sendable {
        /// Whether a token that was sealed with an anti-CSRF token has to come with it.
        public var checksAntiCSRF: Bool
        /// The kind of key the session uses from now on; `nil` keeps its own.
        public var signingKeyKind: SigningKeyKind?
        /// The format of the access token to come.
        public var format: AccessTokenFormat
        /// How long a session lives after a rotation.
        public var refreshTokenValidity: Milliseconds
        /// The child that the presented token would be exchanged for.
        public var child: TokenHash
        /// When the session rotates.
        public var rotation: Rotation
        /// What the children of one token have in common.
        public var succession: Succession
        /// For how long a parent may come back after a rotation at once.
        public var gracePeriod: Milliseconds
        /// Whether reuse ends the session where it rotates at first use; where it rotates at once it always does.
        public var revokesOnReuse: Bool

        /// Collects the rules.
        public init(
            checksAntiCSRF: Bool, signingKeyKind: SigningKeyKind?, format: AccessTokenFormat,
            refreshTokenValidity: Milliseconds, child: TokenHash, rotation: Rotation = .atFirstUse,
            succession: Succession = .deterministic, gracePeriod: Milliseconds = .seconds(30),
            revokesOnReuse: Bool = true
        ) {
            self.checksAntiCSRF = checksAntiCSRF
            self.signingKeyKind = signingKeyKind
            self.format = format
            self.refreshTokenValidity = refreshTokenValidity
            self.child = child
            self.rotation = rotation
            self.succession = succession
            self.gracePeriod = gracePeriod
            self.revokesOnReuse = revokesOnReuse
        }
    }

    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// Give a child to the holder; the session is now this.
        case issueChild(SessionRecord)
        /// The anti-CSRF token is missing or another one.
        case antiCSRFMismatch
        /// There is no such session, or its time is over.
        case sessionEnded
        /// The payload in storage cannot travel in a token of the wanted format.
        case payloadRefused
        /// A used-up token came back: somebody holds a copy.
        case reuse(ReuseClass)
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - presented: the opened token.
    ///   - record: the session that the token names, as storage has it at this step.
    ///   - now: the time.
    ///   - rules: the caller's rules.
    public static func decide(
        of presented: Presented, against record: SessionRecord?, at now: Timestamp, rules: Rules
    ) -> Decided<Outcome> {
        if rules.checksAntiCSRF, let expected = presented.content.antiCSRFToken,
            !expected.matches(presented.antiCSRFToken)
        {
            return Decided(.keep, .antiCSRFMismatch)
        }
        guard let record, !record.isExpired(at: now) else { return Decided(.keep, .sessionEnded) }
        let lineage = record.lineage(of: presented.hash, parent: presented.content.parentHash)
        guard var next = rotated(record, lineage, presented.hash, at: now, rules) else {
            return reuse(of: presented, lineage, record, at: now, rules)
        }
        guard rules.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }
        next.signingKeyKind = rules.signingKeyKind ?? next.signingKeyKind
        guard next != record else { return Decided(.keep, .issueChild(next)) }
        return Decided(.replace(next), .issueChild(next), audit: .refreshed(next, at: now))
    }

    /// The session after the presented token was exchanged; `nil` when it may not be.
    private static func rotated(
        _ record: SessionRecord, _ lineage: Lineage, _ token: TokenHash, at now: Timestamp, _ rules: Rules
    ) -> SessionRecord? {
        let validity = rules.refreshTokenValidity
        switch (lineage, rules.rotation) {
        case (.current, .atFirstUse): return record.used(rules.succession)
        case (.childOfCurrent, .atFirstUse):
            return record.promoting(token, at: now, validity: validity, rules.succession)
        case (.current, .atOnce), (.childOfCurrent, .atOnce):
            return record.rotating(from: token.stored, to: rules.child, at: now, validity: validity)
        case (.previous, _):
            return record.isWindowOpen(at: now, gracePeriod: rules.gracePeriod) ? repeated(record, rules) : nil
        case (.childOfPrevious, _), (.neither, _): return nil
        }
    }

    /// The session after its previous token was exchanged once more: with a deterministic child, what it is already.
    ///
    /// Another child than the current token is one that was made at random, by this core or by the one whose data it
    /// took over; where a refresh rotates at once it takes the current one's place.
    private static func repeated(_ record: SessionRecord, _ rules: Rules) -> SessionRecord? {
        if rules.child.stored == record.currentTokenHash { return record }
        guard rules.rotation == .atOnce else { return nil }
        var next = record
        next.currentTokenHash = rules.child.stored
        return next
    }

    /// A used-up token; where it is left to the driver to end the session, it is only noted.
    private static func reuse(
        of presented: Presented, _ lineage: Lineage, _ record: SessionRecord, at now: Timestamp, _ rules: Rules
    ) -> Decided<Outcome> {
        let found: ReuseClass =
            switch lineage {
            case .previous: .previous
            case .childOfPrevious: .orphan
            case .neither, .current, .childOfCurrent: .stale
            }
        let revokes = rules.revokesOnReuse || rules.rotation == .atOnce
        let event = AuditEvent.reuseDetected(
            record, found, generation: presented.generation, revoked: revokes, at: now)
        return Decided(revokes ? .remove : .keep, .reuse(found), audit: event)
    }
}
