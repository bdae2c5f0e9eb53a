public import Foundations
public import SessionEngine

/// A signing key as storage remembers it.
///
/// It holds the private key: print nothing of it.
public struct SigningKeyRecord: Sendable, Equatable, Redacted {
    /// Its name.
    public var id: KeyID
    /// Whether it is replaced on schedule.
    public var kind: SigningKeyKind
    /// Its one algorithm.
    public var algorithm: SigningAlgorithm
    /// When it was made.
    public var createdAt: Timestamp
    /// When it began to sign; `nil` until then.
    public var firstUsedAt: Timestamp?
    /// The private key in PKCS#8 DER.
    public var privateKeyDER: [UInt8]

    public init(
        id: KeyID, kind: SigningKeyKind, algorithm: SigningAlgorithm, createdAt: Timestamp, privateKeyDER: [UInt8],
        firstUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.kind = kind
        self.algorithm = algorithm
        self.createdAt = createdAt
        self.privateKeyDER = privateKeyDER
        self.firstUsedAt = firstUsedAt
    }

    /// The record of a key.
    public init(_ key: SigningKey) {
        self.init(
            id: key.id, kind: key.kind, algorithm: key.algorithm, createdAt: key.createdAt,
            privateKeyDER: key.privateKey.pkcs8DER)
    }

    /// The key of this record.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` when the bytes are not a key.
    public func signingKey() throws(StorageError) -> SigningKey {
        do {
            let privateKey = try PrivateSigningKey(pkcs8DER: privateKeyDER, algorithm: algorithm)
            return SigningKey(id: id, kind: kind, createdAt: createdAt, privateKey: privateKey)
        } catch {
            throw StorageError(.corrupt, "signing key \(id.rawValue) cannot be read")
        }
    }

    /// The id, never the key.
    public var description: String { "SigningKeyRecord(\(id.rawValue))" }
}

/// What a decision does to an app's signing keys.
public struct SigningKeyChange: Sendable, Equatable {
    /// Keys to add; one whose id exists already is not added.
    public var added: [SigningKeyRecord]
    /// Keys to delete.
    public var removed: [KeyID]
    /// When keys signed for the first time.
    public var firstUses: [KeyID: Timestamp]
    /// The audit events of the change.
    public var events: [AuditEvent]

    public init(
        adding added: [SigningKeyRecord] = [], removing removed: [KeyID] = [],
        firstUses: [KeyID: Timestamp] = [:], events: [AuditEvent] = []
    ) {
        self.added = added
        self.removed = removed
        self.firstUses = firstUses
        self.events = events
    }

    /// Changes nothing.
    public static let none = SigningKeyChange()
}
