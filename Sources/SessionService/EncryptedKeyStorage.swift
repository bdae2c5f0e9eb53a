import Foundations
public import SessionEngine
public import SessionStorage

/// Storage whose private keys are encrypted (``KeyEncryption``); everything else is passed on.
///
/// Without a key-encryption key nothing is encrypted, and a key that another process has encrypted is an error.
public struct EncryptedKeyStorage: SessionStorage {
    private let base: any SessionStorage
    private let app: AppID
    private let encryption: KeyEncryption?

    /// Encrypts the private keys of a storage.
    ///
    /// - Parameters:
    ///   - base: where things are kept.
    ///   - app: whose storage it is; what was encrypted for one app decrypts for no other.
    ///   - encryption: the key; `nil` to encrypt nothing.
    public init(_ base: any SessionStorage, of app: AppID, with encryption: KeyEncryption?) {
        self.base = base
        self.app = app
        self.encryption = encryption
    }

    public var restoreNumber: UInt8 { base.restoreNumber }

    private func place(_ name: String) -> String { "the key \(name) of the app \(app.rawValue)" }

    private func decrypted(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord {
        guard KeyEncryption.isEncrypted(record.privateKeyDER) else { return record }
        let place = place(record.id.rawValue)
        guard let encryption else { throw Self.keyMissing(place) }
        var record = record
        record.privateKeyDER = try encryption.decrypt(record.privateKeyDER, for: place)
        return record
    }

    private func encrypted(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord {
        guard let encryption else { return record }
        var record = record
        record.privateKeyDER = try encryption.encrypt(record.privateKeyDER, for: place(record.id.rawValue))
        return record
    }

    private static func keyMissing(_ place: String) -> StorageError {
        StorageError(
            .corrupt,
            "\(place) is sealed: set key_encryption_key_file, key_encryption_key_command or TESSERA_KEY_ENCRYPTION_KEY")
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let stored = try await base.updateSigningKeys { stored in
            // Keys that cannot be opened are not changed; the error comes below.
            guard let keys = try? stored.map(decrypted) else { return .none }
            var change = decide(keys)
            guard let added = try? change.added.map(encrypted) else { return .none }
            change.added = added
            return change
        }
        var keys: [SigningKeyRecord] = []
        for record in stored { keys.append(try decrypted(record)) }
        return keys
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let place = place(name.rawValue)
        let new = candidate()
        let encrypted = try encryption?.encrypt(text: new, for: place) ?? new
        let stored = try await base.value(named: name, audit: event) { encrypted }
        guard KeyEncryption.isEncrypted(text: stored) else { return stored }
        guard let encryption else { throw Self.keyMissing(place) }
        return try encryption.decrypt(text: stored, for: place)
    }

    /// How many of the app's private keys are stored unencrypted, the one of refresh tokens included.
    ///
    /// - Throws: `StorageError`.
    public func countUnencryptedKeys() async throws(StorageError) -> Int {
        let keys = try await base.updateSigningKeys { _ in .none }
        // Where there is none yet, one is made as any service would make it.
        var random = ClockAndRandomness.system.random
        guard let candidate = try? RefreshTokenKey.make(using: &random).masterKey else { return keys.count }
        let encrypted = try encryption?.encrypt(text: candidate, for: place(StoredValueName.refreshTokenKey.rawValue))
        let value = try await base.value(named: .refreshTokenKey) { encrypted ?? candidate }
        return keys.count { !KeyEncryption.isEncrypted($0.privateKeyDER) }
            + (KeyEncryption.isEncrypted(text: value) ? 0 : 1)
    }

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await base.insert(record, audit: event)
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await base.session(handle)
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await base.update(handle, decide)
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.handles(of: user, tenant: tenant, liveAt: now)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.remove(selection, audit: revocation)
    }

    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await base.sweepCutOffs(at: now, limit: limit)
    }

    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await base.noteActivity(lastSeen)
    }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await base.countActiveUsers(since: time)
    }

    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await base.auditEvents(query)
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        try await base.trimAuditLog(retention, at: now, limit: limit)
    }
}

/// A directory whose apps' private keys are encrypted.
public struct EncryptedKeyAppDirectory: AppDirectory {
    private let base: any AppDirectory
    private let encryption: KeyEncryption?

    /// Encrypts the private keys of a directory; see ``EncryptedKeyStorage``.
    public init(_ base: any AppDirectory, with encryption: KeyEncryption?) {
        self.base = base
        self.encryption = encryption
    }

    public func apps() async throws(StorageError) -> [AppRecord] { try await base.apps() }

    public func names() async throws(StorageError) -> Set<AppID> { try await base.names() }

    public func app(_ id: AppID) async throws(StorageError) -> AppRecord? { try await base.app(id) }

    public func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await base.updateTenant(of: app, decide)
    }

    public func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        try await base.removeTenant(tenant, of: app, audit: revocation)
    }

    public func removeApp(_ app: AppID) async throws(StorageError) -> Bool { try await base.removeApp(app) }

    public func storage(of app: AppID) -> any SessionStorage {
        EncryptedKeyStorage(base.storage(of: app), of: app, with: encryption)
    }
}
