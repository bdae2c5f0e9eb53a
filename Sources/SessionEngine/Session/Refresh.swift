/// Deciding a refresh: who may have new tokens, who is told no, who is caught.
///
/// The rule (spec `core-wire` 4.2): the current token may be exchanged any number of times, each time for a new child;
/// the first child that is *used* becomes the current token; after that its parent and its siblings are reuse. So a
/// lost reply costs nothing, and a copied token is noticed as soon as both copies are used.
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

    /// The rules that differ between callers.
    public struct Rules: Sendable {
        /// Whether a token that was sealed with an anti-CSRF token has to come with it.
        public var checksAntiCSRF: Bool
        /// The kind of key the session uses from now on; `nil` keeps its own.
        public var signingKeyKind: SigningKeyKind?
        /// The format of the access token to come.
        public var format: AccessTokenFormat
        /// How long a session lives after a child's first use.
        public var refreshTokenValidity: Milliseconds

        /// Collects the rules.
        public init(
            checksAntiCSRF: Bool, signingKeyKind: SigningKeyKind?, format: AccessTokenFormat,
            refreshTokenValidity: Milliseconds
        ) {
            self.checksAntiCSRF = checksAntiCSRF
            self.signingKeyKind = signingKeyKind
            self.format = format
            self.refreshTokenValidity = refreshTokenValidity
        }
    }

    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// Give a new child to the holder; the session is now this.
        case issueChild(SessionRecord)
        /// The anti-CSRF token is missing or another one.
        case antiCSRFMismatch
        /// There is no such session, or its time is over.
        case sessionEnded
        /// The payload in storage cannot travel in a token of the wanted format.
        case payloadRefused
        /// A used-up token came back: somebody holds a copy.
        case reuse
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
        var next = record
        switch record.lineage(of: presented.hash, parent: presented.content.parentHash) {
        case .current: break
        case .childOfCurrent:
            next = record.promoting(presented.hash, at: now, validity: rules.refreshTokenValidity)
        case .neither: return Decided(.keep, .reuse)
        }
        guard rules.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }
        next.signingKeyKind = rules.signingKeyKind ?? next.signingKeyKind
        return Decided(next == record ? .keep : .replace(next), .issueChild(next))
    }
}
