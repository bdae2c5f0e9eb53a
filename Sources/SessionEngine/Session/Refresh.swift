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

        /// Collects what was presented.
        public init(content: RefreshTokenContent, hash: TokenHash, antiCSRFToken: AntiCSRFToken?) {
            self.content = content
            self.hash = hash
            self.antiCSRFToken = antiCSRFToken
        }
    }

    /// When a child takes its parent's place.
    public enum Rotation: Sendable {
        /// At the child's first use (spec `core-wire` 4.2).
        ///
        /// The current token may be exchanged any number of times, each time for a new child; the first child that is
        /// used becomes the current token, and after that its parent and its siblings are reuse.
        case atFirstUse
        /// At once (spec `core-wire` 4.4).
        ///
        /// The parent may come back for another child until its grace is over; that child then takes the first one's
        /// place. Any other token is reuse, and ends the session.
        case atOnce(child: TokenHash, gracePeriod: Milliseconds)
    }

    /// How old a token was that came back after it had been used up.
    public enum ReuseClass: Sendable, Equatable {
        /// The parent of the current token, after its grace.
        case previous
        /// A child of the current token's parent, whose sibling took its place.
        case orphan
        /// Older, or of unknown descent.
        case stale
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
        /// When the session rotates.
        public var rotation: Rotation

        /// Collects the rules.
        public init(
            checksAntiCSRF: Bool, signingKeyKind: SigningKeyKind?, format: AccessTokenFormat,
            refreshTokenValidity: Milliseconds, rotation: Rotation = .atFirstUse
        ) {
            self.checksAntiCSRF = checksAntiCSRF
            self.signingKeyKind = signingKeyKind
            self.format = format
            self.refreshTokenValidity = refreshTokenValidity
            self.rotation = rotation
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
            return reuse(lineage, rules.rotation)
        }
        guard rules.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }
        next.signingKeyKind = rules.signingKeyKind ?? next.signingKeyKind
        return Decided(next == record ? .keep : .replace(next), .issueChild(next))
    }

    /// The session after the presented token was exchanged; `nil` when it may not be.
    private static func rotated(
        _ record: SessionRecord, _ lineage: Lineage, _ token: TokenHash, at now: Timestamp, _ rules: Rules
    ) -> SessionRecord? {
        let validity = rules.refreshTokenValidity
        switch (rules.rotation, lineage) {
        case (.atFirstUse, .current): return record
        case (.atFirstUse, .childOfCurrent): return record.promoting(token, at: now, validity: validity)
        case (.atOnce(let child, _), .current), (.atOnce(let child, _), .childOfCurrent):
            return record.rotating(from: token.stored, to: child, at: now, validity: validity)
        case (.atOnce(let child, let grace), .previous):
            guard let rotatedAt = record.rotatedAt, now <= rotatedAt + grace else { return nil }
            var next = record
            next.currentTokenHash = child.stored
            return next
        default: return nil
        }
    }

    /// A used-up token: where the driver is the one who ends the session, it is left to it.
    private static func reuse(_ lineage: Lineage, _ rotation: Rotation) -> Decided<Outcome> {
        let found: ReuseClass =
            switch lineage {
            case .previous: .previous
            case .childOfPrevious: .orphan
            case .neither, .current, .childOfCurrent: .stale
            }
        switch rotation {
        case .atFirstUse: return Decided(.keep, .reuse(found))
        case .atOnce: return Decided(.remove, .reuse(found))
        }
    }
}
