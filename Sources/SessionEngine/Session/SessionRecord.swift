public import LosslessJSON

/// A session as storage remembers it (spec `core-wire` section 6, `session_info`).
public struct SessionRecord: Sendable, Equatable {
    /// Its name.
    public var handle: SessionHandle
    /// The tenant it lives in.
    public var tenantID: TenantID
    /// Whose it is.
    public var userID: UserID
    /// The hash of the refresh token that may be exchanged; the only trace of it.
    public var currentTokenHash: StoredTokenHash
    /// The hash of the token that was current before; `nil` until the first rotation.
    public var previousTokenHash: StoredTokenHash?
    /// When the current token took its place; `nil` until the first rotation.
    public var rotatedAt: Timestamp?
    /// Whether the current token, or the access token that came with it, has been seen since it took its place; then the
    /// previous one may not come back.
    public var isCurrentTokenUsed: Bool
    /// How many rotations there have been; those of a session that was imported count from then.
    public var generation: Int64
    /// Data kept at home, never in a token.
    public var sessionData: JSONObjectText
    /// Data that goes into the access token.
    public var accessTokenPayload: JSONObjectText
    /// When the session began.
    public var createdAt: Timestamp
    /// When it ends unless it is refreshed.
    public var expiresAt: Timestamp
    /// Which kind of key signs its access tokens.
    public var signingKeyKind: SigningKeyKind

    /// Makes a record.
    public init(
        handle: SessionHandle,
        tenantID: TenantID,
        userID: UserID,
        currentTokenHash: StoredTokenHash,
        sessionData: JSONObjectText,
        accessTokenPayload: JSONObjectText,
        createdAt: Timestamp,
        expiresAt: Timestamp,
        signingKeyKind: SigningKeyKind,
        previousTokenHash: StoredTokenHash? = nil,
        rotatedAt: Timestamp? = nil,
        isCurrentTokenUsed: Bool = false,
        generation: Int64 = 0
    ) {
        self.handle = handle
        self.tenantID = tenantID
        self.userID = userID
        self.currentTokenHash = currentTokenHash
        self.sessionData = sessionData
        self.accessTokenPayload = accessTokenPayload
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.signingKeyKind = signingKeyKind
        self.previousTokenHash = previousTokenHash
        self.rotatedAt = rotatedAt
        self.isCurrentTokenUsed = isCurrentTokenUsed
        self.generation = generation
    }

    /// Whether the session has ended by time.
    public func isExpired(at now: Timestamp) -> Bool { expiresAt <= now }

    /// How a refresh token that was given for `parent` relates to this session.
    func lineage(of token: TokenHash, parent: TokenHash?) -> Lineage {
        if token.stored == currentTokenHash { return .current }
        if let parent, parent.stored == currentTokenHash { return .childOfCurrent }
        guard let previousTokenHash else { return .neither }
        if token.stored == previousTokenHash { return .previous }
        return parent?.stored == previousTokenHash ? .childOfPrevious : .neither
    }

    /// Whether the previous token may come back: the current one has not been used and the grace is not over.
    func isWindowOpen(at now: Timestamp, gracePeriod: Milliseconds) -> Bool {
        guard let rotatedAt, !isCurrentTokenUsed else { return false }
        return now <= rotatedAt + gracePeriod
    }

    /// This session after its current token was seen again: where there is one child only, the previous token may not come
    /// back from now on.
    func used(_ succession: Refresh.Succession) -> SessionRecord {
        var record = self
        record.isCurrentTokenUsed = isCurrentTokenUsed || (previousTokenHash != nil && succession == .deterministic)
        return record
    }

    /// This session after the first use of a child that nobody had used: the child is the current token and a new life
    /// begins.
    ///
    /// With random children the parent stays welcome to callers whose refreshes rotate at once, as in SuperTokens' core.
    func promoting(
        _ child: TokenHash, at now: Timestamp, validity: Milliseconds, _ succession: Refresh.Succession
    ) -> SessionRecord {
        rotating(from: currentTokenHash, to: child, at: now, validity: validity).used(succession)
    }

    /// This session with another current token and a new life.
    func rotating(
        from previous: StoredTokenHash, to current: TokenHash, at now: Timestamp, validity: Milliseconds
    ) -> SessionRecord {
        var record = self
        record.previousTokenHash = previous
        record.currentTokenHash = current.stored
        record.rotatedAt = now
        record.isCurrentTokenUsed = false
        record.generation += 1
        record.expiresAt = now + validity
        return record
    }
}

/// The relation of a refresh token to a session's record; rotation is decided by it and nothing else.
enum Lineage: Sendable {
    /// The token that may be exchanged.
    case current
    /// A child of the current token that nobody has used yet.
    case childOfCurrent
    /// The token that was current before.
    case previous
    /// A child of the token that was current before; another child was used instead.
    case childOfPrevious
    /// An older token, or a child of one.
    case neither
}

/// What an operation does to a session's record; storage applies it in the same step in which it read the record.
public enum SessionChange: Sendable, Equatable {
    /// Nothing.
    case keep
    /// The record becomes this one.
    case replace(SessionRecord)
    /// The session ends.
    case remove
}

/// A change together with what the caller is to be told or to do once the change is durable.
public struct Decided<Outcome: Sendable>: Sendable {
    /// What storage does.
    public var change: SessionChange
    /// What storage adds to the audit trail in the same step.
    public var audit: AuditEvent?
    /// What the caller does.
    public var outcome: Outcome

    /// Puts them together.
    public init(_ change: SessionChange, _ outcome: Outcome, audit: AuditEvent? = nil) {
        self.change = change
        self.outcome = outcome
        self.audit = audit
    }
}
