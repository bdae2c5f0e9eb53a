/// Decides if a refresh gets new tokens, is rejected, or is token reuse.
///
/// Two rules are spoken on the wire; see ``Rotation``. Both forgive lost, late and doubled messages, and both notice a copied
/// token once two holders use it outside one window (docs/decisions/0019).
public enum Refresh {
    /// A refresh token that this app encrypted, with what came beside it.
    public struct Presented: Sendable {
        /// The contents of the token.
        public let content: RefreshTokenContent
        /// The hash of the token as it was presented.
        public let hash: TokenHash
        /// The anti-CSRF token of the request.
        public let antiCSRFToken: AntiCSRFToken?
        /// The hashes of the token and of its parent as storage keeps them; the decision may be taken twice.
        let storedHash: StoredTokenHash
        let storedParentHash: StoredTokenHash?
        /// The token's own rotation count; `nil` for a token that was made at random or by another core.
        public let rotationCount: RotationCount?

        public init(
            content: RefreshTokenContent, hash: TokenHash, antiCSRFToken: AntiCSRFToken?,
            rotationCount: RotationCount? = nil
        ) {
            self.content = content
            self.hash = hash
            storedHash = hash.stored
            storedParentHash = content.parentHash?.stored
            self.antiCSRFToken = antiCSRFToken
            self.rotationCount = rotationCount
        }

        /// The parent that an access token names beside this token's child: its first use is looked for only where the
        /// session rotates then.
        public func parentHash(_ rotation: Rotation) -> TokenHash? { rotation == .atFirstUse ? hash : nil }
    }

    /// When a child takes its parent's place: the one word for what differs between the drivers that refresh.
    public enum Rotation: Sendable, Hashable {
        /// At the successor's first use (docs/specification/core.md 4.2): until then the current token may be used any
        /// number of times.
        case atFirstUse
        /// On refresh (docs/specification/core.md 4.4): the predecessor is accepted until its window closes.
        case atOnce
    }

    /// How the successors of one token relate (docs/decisions/0019).
    public enum SuccessorPolicy: String, Sendable, CaseIterable {
        /// A token has one successor for each window in which it is presented.
        case deterministic = "DETERMINISTIC"
        /// Every refresh makes another successor, as SuperTokens' core does: a second one takes the first one's place,
        /// or competes with it.
        case random = "RANDOM"
    }

    /// Which successor of a refresh token is issued.
    public enum Successor: Sendable, Hashable {
        /// The one that is derived for a window and a rotation count: the same for every caller.
        case derived(window: UInt8, count: RotationCount)
        /// One that cannot be derived, and that is issued once.
        case fresh
    }

    /// What becomes of a token that is newer than its session, which happens only when storage went back to an older
    /// state (docs/decisions/0019).
    public enum AfterRestore: String, Sendable, CaseIterable {
        /// It becomes the current token, once, if `tessera restore` was run.
        case adopt = "ADOPT"
        /// Its session is revoked, and the user has to sign in again.
        case signOut = "SIGN_OUT"
    }

    /// The lifetime of an access token that goes with a decision.
    public enum Lifetime: Sendable, Hashable {
        /// As long as any.
        case whole
        /// A random part less, because the refresh token was shared a moment ago: no client that shared it can predict
        /// when its owner refreshes again.
        case shortened
        /// Until the token that it replaces would have expired.
        case unchanged
    }

    /// The age of a superseded token that was reused.
    public enum ReuseClass: String, Sendable, Equatable {
        /// The predecessor of the current token, after the grace period.
        case previous
        /// A successor of the current token's predecessor; another successor is current.
        case orphan
        /// Older, or unrelated.
        case stale

        /// Whether it was rotated out a moment ago, which only a rotation at once can tell.
        public func isRecent(_ rotation: Rotation) -> Bool { rotation == .atOnce && self != .stale }

        /// How many rotations lie between it and the current token, if the class alone determines it.
        var rotationsApart: Int64? {
            switch self {
            case .previous: 1
            case .orphan: 0
            case .stale: nil
            }
        }
    }

    /// The rules that differ between callers.
    public struct Rules: Sendable {
        /// Whether a token that was encrypted with an anti-CSRF token has to come with it, where the driver uses them.
        public var checksAntiCSRF: Bool
        /// Whether the driver uses anti-CSRF tokens.
        public var usesAntiCSRF: Bool
        /// The kind of key the session uses from now on; `nil` keeps its own.
        public var signingKeyKind: SigningKeyKind?
        /// The format of the access token to come.
        public var format: AccessTokenFormat
        /// How long a session lives after a rotation.
        public var terms: SessionTerms
        /// Whether nothing but a background task of the client asks: the session then ends when it would have.
        public var isBackground: Bool
        /// What the application says about the client; empty for nothing.
        public var client: ClientFacts
        /// How much of it is kept.
        public var privacy: DevicePrivacy
        /// What the request shows about the key of its client.
        public var proof = ProofJudgement.absent
        /// What it shows about the device of its browser.
        public var device = DeviceEvidence.none
        /// When the session rotates.
        public var rotation: Rotation
        /// How the successors of one token relate.
        public var successorPolicy: SuccessorPolicy
        /// For how long a predecessor is accepted after a rotation at once.
        public var gracePeriod: Milliseconds
        /// The length of a token's first window; each later one is half as long as the one before.
        public var sharingWindow: Milliseconds
        /// For how long after it was last given its successor a predecessor is refused without a verdict.
        public var silence: Milliseconds
        /// The store's restore number.
        public var restoreNumber: UInt8
        /// What becomes of a token that is newer than its session after `tessera restore`.
        public var afterRestore: AfterRestore
        /// Whether reuse ends the session where it rotates at first use; where it rotates at once it always does.
        public var revokesOnReuse: Bool

        public init(
            checksAntiCSRF: Bool, usesAntiCSRF: Bool = true, signingKeyKind: SigningKeyKind?,
            format: AccessTokenFormat, terms: SessionTerms, rotation: Rotation = .atFirstUse,
            successorPolicy: SuccessorPolicy = .deterministic, gracePeriod: Milliseconds = .seconds(30),
            sharingWindow: Milliseconds = .seconds(60), silence: Milliseconds = .seconds(120),
            restoreNumber: UInt8 = 0, afterRestore: AfterRestore = .adopt, revokesOnReuse: Bool = true,
            isBackground: Bool = false, client: ClientFacts = ClientFacts(), privacy: DevicePrivacy = DevicePrivacy()
        ) {
            self.checksAntiCSRF = checksAntiCSRF
            self.usesAntiCSRF = usesAntiCSRF
            self.signingKeyKind = signingKeyKind
            self.format = format
            self.terms = terms
            self.isBackground = isBackground
            self.client = client
            self.privacy = privacy
            self.rotation = rotation
            self.successorPolicy = successorPolicy
            self.gracePeriod = gracePeriod
            self.sharingWindow = sharingWindow
            self.silence = silence
            self.restoreNumber = restoreNumber
            self.afterRestore = afterRestore
            self.revokesOnReuse = revokesOnReuse
        }
    }

    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// Issue a successor and an access token with this lifetime; the session is now this.
        case issue(SessionRecord, Successor, Lifetime)
        /// The anti-CSRF token is missing or another one.
        case antiCSRFMismatch
        /// The session does not exist or has expired.
        case sessionNotActive
        /// The session is bound to a key, and the request does not show it.
        case proofRefused(ProofRefusal)
        /// The payload in storage cannot be encoded in a token of the wanted format.
        case payloadRefused
        /// The successor was used a moment ago: nothing is given and nothing said, the caller may try again.
        case tooLate
        /// A superseded refresh token was reused: there is a copy.
        case reuse(ReuseClass)
        /// The token is newer than its session, so storage went back to an older state; the session was revoked.
        case newerThanSession
        /// The successor could not be made; nothing was changed.
        case successorFailed
        /// Another person acts as the user of the session, who cannot be authenticated by that; nothing was changed.
        case impersonated
    }
}

extension Refresh.Rules {
    /// Whether a session lives long enough for another access token; one that ends within a second counts as ended.
    func leavesRoom(for record: SessionRecord, at now: Timestamp) -> Bool {
        record.bound(isBackground: isBackground, within: terms).map { $0 - now >= .seconds(1) } ?? true
    }
}

extension SessionRecord {
    /// The end that no token of an exchange outlives; `nil` where the first use of the successor moves it.
    ///
    /// - Parameters:
    ///   - isBackground: whether a background task asked for the exchange.
    ///   - terms: the configuration of now.
    package func bound(isBackground: Bool, within terms: SessionTerms) -> Timestamp? {
        let isMoved = !isBackground && sharing?.window?.isBackground != true && !terms.limits(of: traits).isLimited
        return isMoved ? nil : expiry(within: terms).endedAt
    }
}
