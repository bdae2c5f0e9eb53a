public import LosslessJSON

/// A session as storage remembers it (docs/specification/core.md 6, `session_info`).
public struct SessionRecord: Sendable, Equatable {
    /// Its name.
    public var handle: SessionHandle
    /// The tenant it belongs to.
    public var tenantID: TenantID
    /// Whose it is: the user of the login method where accounts are linked.
    public var userID: UserID
    /// The primary user where accounts are linked; `nil` where it is the same.
    ///
    /// It is read with the session and never stored with it.
    public var primaryUserID: UserID?
    /// The hash of the refresh token that may be used to refresh; the only trace of it.
    public var currentTokenHash: StoredTokenHash
    /// The hash of the token that was current before; `nil` until the first rotation.
    public var previousTokenHash: StoredTokenHash?
    /// When the current token took its place; `nil` until the first rotation.
    public var rotatedAt: Timestamp?
    /// How many rotations there have been; those of an imported session count from the import.
    public var rotationCount: RotationCount
    /// What is known about callers who share a token of this session; it is valid only for the token that it names.
    public var storedSharing: SharingState?
    /// Session data, stored server-side and never in a token.
    public var sessionData: JSONObjectText
    /// Data that goes into the access token.
    public var accessTokenPayload: JSONObjectText
    /// The creation time.
    public var createdAt: Timestamp
    /// The expiry time unless it is refreshed.
    public var expiresAt: Timestamp
    /// Which kind of key signs its access tokens.
    public var signingKeyKind: SigningKeyKind
    /// How its user was authenticated, and what it asked for itself.
    public var traits: SessionTraits

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
        rotationCount: RotationCount = 0,
        storedSharing: SharingState? = nil,
        traits: SessionTraits = .none
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
        self.rotationCount = rotationCount
        self.storedSharing = storedSharing
        self.traits = traits
    }

    /// The user whom replies and tokens name: the primary one.
    public var namedUserID: UserID { primaryUserID ?? userID }

    /// The relation of a refresh token to this session; `parent` is its predecessor.
    func relation(of token: StoredTokenHash, parent: @autoclosure () -> StoredTokenHash?) -> TokenRelation {
        if token == currentTokenHash { return .current }
        let parent = parent()
        if parent == currentTokenHash { return .successorOfCurrent }
        guard let previousTokenHash else { return .unrelated }
        if token == previousTokenHash { return .previous }
        return parent == previousTokenHash ? .successorOfPrevious : .unrelated
    }
}

/// The relation of a refresh token to a session's record; rotation is decided by it and nothing else.
enum TokenRelation: Sendable {
    /// The token that may be exchanged.
    case current
    /// A successor of the current token that has not been used yet.
    case successorOfCurrent
    /// The token that was current before.
    case previous
    /// A successor of the previous token; another successor was used instead.
    case successorOfPrevious
    /// An older token, or a successor of one.
    case unrelated
}

/// What an operation does to a session's record; storage applies it in the same step in which it read the record.
public enum SessionChange: Sendable, Equatable {
    /// Nothing.
    case keep
    /// The record becomes this one.
    case replace(SessionRecord)
    /// The session is deleted.
    case remove
}

/// A change, its audit event and the caller's outcome once the change is durable.
public struct Decision<Outcome: Sendable>: Sendable {
    /// What storage does.
    public var change: SessionChange
    /// What storage adds to the audit log in the same step.
    public var audit: AuditEvent?
    /// What the caller does.
    public var outcome: Outcome

    public init(_ change: SessionChange, _ outcome: Outcome, audit: AuditEvent? = nil) {
        self.change = change
        self.outcome = outcome
        self.audit = audit
    }
}
