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
        signingKeyKind: SigningKeyKind
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
    }

    /// Whether the session has ended by time.
    public func isExpired(at now: Timestamp) -> Bool { expiresAt <= now }

    /// How a refresh token that was given for `parent` relates to this session.
    func lineage(of token: TokenHash, parent: TokenHash?) -> Lineage {
        if token.stored == currentTokenHash { return .current }
        if let parent, parent.stored == currentTokenHash { return .childOfCurrent }
        return .neither
    }

    /// This session after the first use of a child: the child is the current token and a new life begins.
    func promoting(_ child: TokenHash, at now: Timestamp, validity: Milliseconds) -> SessionRecord {
        var record = self
        record.currentTokenHash = child.stored
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
    /// An older token, or a child whose sibling was used first.
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
    /// What the caller does.
    public var outcome: Outcome

    /// Pairs both.
    public init(_ change: SessionChange, _ outcome: Outcome) {
        self.change = change
        self.outcome = outcome
    }
}
