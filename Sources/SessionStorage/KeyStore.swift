public import SessionEngine

/// Where one app's signing keys are kept, and the few values that its nodes share.
public protocol KeyStore: Sendable {
    /// Reads the app's signing keys, decides and applies the decision, all in one step.
    ///
    /// - Parameter decide: pure and quick; it may be called more than once.
    /// - Returns: the keys after the step, in no order.
    func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord]

    /// The value stored under a name; if there is none, `candidate` is stored and returned. The first writer wins and
    /// every caller gets the same value.
    ///
    /// - Parameters:
    ///   - name: the name.
    ///   - event: the audit event if the candidate is stored; `nil` where none is kept.
    ///   - candidate: makes a value.
    func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String

    /// The value stored under a name, or `nil`; writes nothing.
    func storedValue(_ name: StoredValueName) async throws(StorageError) -> String?

    /// Replaces a stored value.
    ///
    /// - Parameters:
    ///   - name: the name.
    ///   - old: the value that is expected.
    ///   - new: the value to store.
    ///   - event: the audit event of the change; `nil` where none is kept.
    /// - Returns: whether `old` was there; otherwise nothing was done.
    func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool
}

extension KeyStore {
    /// The app's signing keys, in no order; writes nothing.
    public func signingKeys() async throws(StorageError) -> [SigningKeyRecord] {
        try await updateSigningKeys { _ in .none }
    }

    /// The value stored under a name, without an audit event.
    public func value(
        named name: StoredValueName, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await value(named: name, audit: nil, orStore: candidate)
    }
}

/// The names under which single values are kept.
public enum StoredValueName: String, Sendable {
    /// The master key that encrypts refresh tokens (docs/specification/core.md 3.2 and 6).
    case refreshTokenKey = "refresh_token_key"
    /// How often the store was restored; kept with the app `public` for all of them.
    case restoreNumber = "tessera_restore_number"
    /// The longest life of an access token that may be in use (docs/decisions/0046).
    case tokenLife = "tessera_token_life"
    /// The time of the last core that had the store, in milliseconds since 1970 (docs/decisions/0028).
    case notedTime = "tessera_time"
}

extension StoredValueName {
    /// Reads a stored restore number; there is none before the first restore.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` for a text that is no number from 0 to 254.
    public static func restoreNumber(_ text: String?) throws(StorageError) -> UInt8 {
        guard let text else { return 0 }
        guard let number = UInt8(text), number <= RotationCount.largestRestoreNumber else {
            throw StorageError(.corrupt, "the stored restore number '\(text)' is not a number from 0 to 254")
        }
        return number
    }
}
