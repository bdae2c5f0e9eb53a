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
    /// Until when its tokens live at least, where that is later than its schedule says; `nil` where it is not.
    public var verifiesUntil: Timestamp?
    /// The private key in PKCS#8 DER, or the public half of one that a signer outside this process keeps.
    public var privateKeyDER: [UInt8]

    public init(
        id: KeyID, kind: SigningKeyKind, algorithm: SigningAlgorithm, createdAt: Timestamp, privateKeyDER: [UInt8],
        firstUsedAt: Timestamp? = nil, verifiesUntil: Timestamp? = nil
    ) {
        self.id = id
        self.kind = kind
        self.algorithm = algorithm
        self.createdAt = createdAt
        self.privateKeyDER = privateKeyDER
        self.firstUsedAt = firstUsedAt
        self.verifiesUntil = verifiesUntil
    }

    /// The record of a key.
    public init(_ key: SigningKey) {
        self.init(
            id: key.id, kind: key.kind, algorithm: key.algorithm, createdAt: key.createdAt,
            privateKeyDER: key.privateKey.storedBytes)
    }

    /// The key of this record.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` when the bytes are not a key.
    public func signingKey() throws(StorageError) -> SigningKey {
        do {
            let privateKey = try PrivateSigningKey(storedBytes: privateKeyDER, algorithm: algorithm)
            var key = SigningKey(id: id, kind: kind, createdAt: createdAt, privateKey: privateKey)
            key.verifiesUntil = verifiesUntil
            return key
        } catch {
            throw StorageError(.corrupt, "signing key \(id.rawValue) cannot be read")
        }
    }

    /// The same, in use since a time.
    package func used(since time: Timestamp) -> SigningKeyRecord {
        var used = self
        used.firstUsedAt = time
        return used
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
    /// What is stored of keys that are there from now on; one that is not there is not added.
    public var updated: [SigningKeyRecord]
    /// The audit events of the change.
    public var events: [AuditEvent]

    public init(
        adding added: [SigningKeyRecord] = [], removing removed: [KeyID] = [],
        updating updated: [SigningKeyRecord] = [], events: [AuditEvent] = []
    ) {
        self.added = added
        self.removed = removed
        self.updated = updated
        self.events = events
    }

    /// Changes nothing.
    public static let none = SigningKeyChange()
}
