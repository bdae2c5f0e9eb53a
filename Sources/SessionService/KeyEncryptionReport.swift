public import SessionEngine
public import SessionStorage

/// How the private keys of an app are stored.
public struct KeyEncryptionReport: Sendable, Equatable {
    /// Those that are not encrypted.
    public var clear: [String] = []
    /// Those whose private half a signer keeps and whose row is not encrypted: there is nothing to hide, and a key that another
    /// program wrote would be accepted.
    public var external: [String] = []
    /// Those that are encrypted in the form of earlier releases, which does not protect their times.
    public var earlierForm: [String] = []
    /// Those that are encrypted as new ones are.
    public var encrypted: [String] = []
    /// The signing keys whose private half is stored, encrypted or not.
    public var stored: [String] = []

    /// Reads how keys are stored; writes nothing and decrypts nothing.
    ///
    /// - Parameter store: the keys as they are stored.
    /// - Throws: `StorageError`.
    public init(reading store: any KeyStore) async throws(StorageError) {
        for record in try await store.signingKeys() {
            if PrivateSigningKey.isExternal(storedBytes: record.privateKeyDER) {
                external.append(record.id.rawValue)
                continue
            }
            stored.append(record.id.rawValue)
            switch KeyEncryption.form(of: record.privateKeyDER) {
            case nil: clear.append(record.id.rawValue)
            case .earlier: earlierForm.append(record.id.rawValue)
            case .current: encrypted.append(record.id.rawValue)
            }
        }
        let name = StoredValueName.refreshTokenKey
        guard let value = try await store.storedValue(name) else { return }
        if KeyEncryption.isEncrypted(text: value) {
            encrypted.append(name.rawValue)
        } else {
            clear.append(name.rawValue)
        }
    }
}

extension KeyEncryption {
    /// Encrypts all private keys of an app with the first of the key-encryption keys: those that are not encrypted, those
    /// of an earlier form, and those that another of the key-encryption keys has encrypted.
    ///
    /// - Parameters:
    ///   - store: the keys as they are stored.
    ///   - app: whose they are.
    /// - Returns: how many there are.
    /// - Throws: `StorageError`; one that cannot be decrypted stops it, and what was encrypted before stays so.
    public func encryptAll(in store: any KeyStore, of app: AppID) async throws(StorageError) -> Int {
        for record in try await store.signingKeys() { _ = try decryptedOrClear(record, of: app) }
        let records = try await store.updateSigningKeys { records in
            let clear = try? records.map { try decryptedOrClear($0, of: app) }
            guard let encrypted = try? clear?.map({ try encrypt($0, of: app) }) else { return .none }
            return SigningKeyChange(updating: encrypted)
        }
        let name = StoredValueName.refreshTokenKey
        let place = Self.place(name.rawValue, app)
        guard let stored = try await store.storedValue(name) else { return records.count }
        let text = try encrypt(text: try decrypt(text: stored, for: place), for: place)
        guard try await store.replaceValue(named: name, stored, by: text, audit: nil) else {
            throw StorageError(.unavailable, "\(place) was changed by another process; run the command again")
        }
        return records.count + 1
    }

    private func decryptedOrClear(
        _ record: SigningKeyRecord, of app: AppID
    ) throws(StorageError) -> SigningKeyRecord {
        Self.isEncrypted(record.privateKeyDER) ? try decrypt(record, of: app) : record
    }
}
