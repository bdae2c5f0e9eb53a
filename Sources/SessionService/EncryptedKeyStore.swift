public import SessionEngine
public import SessionStorage
import Synchronization

/// A key store whose private keys are encrypted (``KeyEncryption``; docs/decisions/0024).
///
/// Where a key-encryption key is configured, a private key that is not encrypted, or whose row is another one than was
/// encrypted, is refused: who can write into the database must not be able to bring keys of their own. A signing
/// key is then passed over and reported, and the others are used; without the secret of refresh tokens nothing can be done.
///
/// Without a key-encryption key nothing is encrypted, and a key that another process has encrypted is an error.
public struct EncryptedKeyStore: KeyStore {
    /// A signing key that is passed over.
    public struct RefusedKey: Sendable, Hashable {
        /// Its name.
        public let id: KeyID
        /// The app that it was found in.
        public let app: AppID
        /// Why, and what to do.
        public let reason: String
    }

    private let base: any KeyStore
    private let app: AppID
    private let encryption: KeyEncryption?
    private let refusals: Refusals

    /// Encrypts the private keys of a store.
    ///
    /// - Parameters:
    ///   - base: where the keys are kept.
    ///   - app: whose they are; what was encrypted for one app decrypts for no other.
    ///   - encryption: the key; `nil` to encrypt nothing.
    ///   - onRefusal: called once for each signing key that is passed over.
    public init(
        _ base: any KeyStore, of app: AppID, with encryption: KeyEncryption?,
        onRefusal: @escaping @Sendable (RefusedKey) -> Void = { _ in }
    ) {
        self.base = base
        self.app = app
        self.encryption = encryption
        refusals = Refusals(onRefusal)
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let stored = try await base.updateSigningKeys { stored in
            // What cannot be read is not changed; the error comes below.
            guard let keys = try? readable(stored).keys else { return .none }
            var change = decide(keys)
            guard let added = try? change.added.map(encrypted), let updated = try? change.updated.map(encrypted)
            else { return .none }
            (change.added, change.updated) = (added, updated)
            return change
        }
        let (keys, refused) = try readable(stored)
        refusals.report(refused)
        return keys
    }

    /// The keys that may be used.
    ///
    /// - Throws: `StorageError` where not one of those that are encrypted can be decrypted: then it is the
    ///   key-encryption key that is wrong, and not a row.
    private func readable(
        _ records: [SigningKeyRecord]
    ) throws(StorageError) -> (keys: [SigningKeyRecord], refused: [RefusedKey]) {
        var (keys, refused): ([SigningKeyRecord], [RefusedKey]) = ([], [])
        var failure: StorageError?
        for record in records {
            do throws(StorageError) {
                if let key = try decrypted(record) { keys.append(key) } else { refused.append(unencrypted(record)) }
            } catch {
                failure = error
                refused.append(RefusedKey(id: record.id, app: app, reason: error.detail))
            }
        }
        if let failure, keys.isEmpty || encryption == nil { throw failure }
        return (keys, refused)
    }

    /// The record with its key decrypted; `nil` for one that should have been encrypted and is not.
    private func decrypted(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord? {
        let isEncrypted = KeyEncryption.isEncrypted(record.privateKeyDER)
        guard let encryption else {
            if isEncrypted { throw Self.keyMissing(KeyEncryption.place(record.id.rawValue, app)) }
            return record
        }
        return isEncrypted ? try encryption.decrypt(record, of: app) : nil
    }

    private func encrypted(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord {
        guard let encryption else { return record }
        return try encryption.encrypt(record, of: app)
    }

    private func unencrypted(_ record: SigningKeyRecord) -> RefusedKey {
        RefusedKey(id: record.id, app: app, reason: Self.notEncrypted(KeyEncryption.place(record.id.rawValue, app)))
    }

    private static func notEncrypted(_ place: String) -> String {
        "\(place) is not encrypted although a key-encryption key is configured, so it is not used: if you have just "
            + "configured that key, run 'tessera keys encrypt'; if not, another program wrote into the database"
    }

    private static func keyMissing(_ place: String) -> StorageError {
        StorageError(
            .corrupt,
            "\(place) is encrypted: set key_encryption_key_file, key_encryption_key_command or "
                + "TESSERA_KEY_ENCRYPTION_KEY")
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let new = candidate()
        let encrypted = try encryption?.encrypt(text: new, for: KeyEncryption.place(name.rawValue, app)) ?? new
        return try decrypted(name, try await base.value(named: name, audit: event) { encrypted })
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        guard let stored = try await base.storedValue(name) else { return nil }
        return try decrypted(name, stored)
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        guard let stored = try await base.storedValue(name), try decrypted(name, stored) == old else { return false }
        let encrypted = try encryption?.encrypt(text: new, for: KeyEncryption.place(name.rawValue, app)) ?? new
        return try await base.replaceValue(named: name, stored, by: encrypted, audit: event)
    }

    private func decrypted(_ name: StoredValueName, _ stored: String) throws(StorageError) -> String {
        let place = KeyEncryption.place(name.rawValue, app)
        switch (encryption, KeyEncryption.isEncrypted(text: stored)) {
        case (nil, false): return stored
        case (nil, true): throw Self.keyMissing(place)
        case (_?, false): throw StorageError(.corrupt, Self.notEncrypted(place))
        case (let encryption?, true): return try encryption.decrypt(text: stored, for: place)
        }
    }
}

/// Reports each refused key once.
private final class Refusals: Sendable {
    private let seen = Mutex<Set<EncryptedKeyStore.RefusedKey>>([])
    private let report: @Sendable (EncryptedKeyStore.RefusedKey) -> Void
    /// How many are remembered; more are not reported.
    private static let capacity = 100

    init(_ report: @escaping @Sendable (EncryptedKeyStore.RefusedKey) -> Void) { self.report = report }

    func report(_ keys: [EncryptedKeyStore.RefusedKey]) {
        for key in keys where seen.withLock({ $0.count < Self.capacity && $0.insert(key).inserted }) { report(key) }
    }
}
