import Foundations
public import SessionEngine
public import SessionStorage

/// Storage whose private keys are sealed (``KeyEncryption``); everything else goes through.
///
/// Without a key-encryption key nothing is sealed, and what another process has sealed is an error that says so.
public struct SealedStorage: SessionStorage {
    private let base: any SessionStorage
    private let app: AppID
    private let encryption: KeyEncryption?

    /// Puts a seal on a storage.
    ///
    /// - Parameters:
    ///   - base: where things are kept.
    ///   - app: whose storage it is; what was sealed for one app opens for no other.
    ///   - encryption: the key; `nil` to seal nothing.
    public init(_ base: any SessionStorage, of app: AppID, with encryption: KeyEncryption?) {
        self.base = base
        self.app = app
        self.encryption = encryption
    }

    /// See `SessionStorage.restoreNumber`.
    public var restoreNumber: UInt8 { base.restoreNumber }

    private func place(_ name: String) -> String { "the key \(name) of the app \(app.text)" }

    private func opened(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord {
        guard KeyEncryption.isSealed(record.privateKeyDER) else { return record }
        let place = place(record.id.text)
        guard let encryption else { throw Self.keyMissing(place) }
        var record = record
        record.privateKeyDER = try encryption.open(record.privateKeyDER, for: place)
        return record
    }

    private func sealed(_ record: SigningKeyRecord) throws(StorageError) -> SigningKeyRecord {
        guard let encryption else { return record }
        var record = record
        record.privateKeyDER = try encryption.seal(record.privateKeyDER, for: place(record.id.text))
        return record
    }

    private static func keyMissing(_ place: String) -> StorageError {
        StorageError(
            .corrupt,
            "\(place) is sealed: set key_encryption_key_file, key_encryption_key_command or TESSERA_KEY_ENCRYPTION_KEY")
    }

    /// See `SessionStorage.updateSigningKeys(_:)`.
    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let stored = try await base.updateSigningKeys { stored in
            // Keys that cannot be opened are changed by nobody; the error comes below.
            guard let keys = try? stored.map(opened) else { return .none }
            var change = decide(keys)
            guard let added = try? change.added.map(sealed) else { return .none }
            change.added = added
            return change
        }
        var keys: [SigningKeyRecord] = []
        for record in stored { keys.append(try opened(record)) }
        return keys
    }

    /// See `SessionStorage.value(named:audit:orStore:)`.
    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let place = place(name.rawValue)
        let new = candidate()
        let sealed = try encryption?.seal(text: new, for: place) ?? new
        let stored = try await base.value(named: name, audit: event) { sealed }
        guard KeyEncryption.isSealed(text: stored) else { return stored }
        guard let encryption else { throw Self.keyMissing(place) }
        return try encryption.open(text: stored, for: place)
    }

    /// How many of the app's private keys lie in the clear, the one of refresh tokens included.
    ///
    /// - Throws: `StorageError`.
    public func countKeysInTheClear() async throws(StorageError) -> Int {
        let keys = try await base.updateSigningKeys { _ in .none }
        // Where there is none yet, one is made as any service would make it.
        var random = ClockAndRandomness.system.random
        guard let candidate = try? RefreshTokenKey.make(using: &random).masterKey else { return keys.count }
        let sealed = try encryption?.seal(text: candidate, for: place(StoredValueName.refreshTokenKey.rawValue))
        let value = try await base.value(named: .refreshTokenKey) { sealed ?? candidate }
        return keys.count { !KeyEncryption.isSealed($0.privateKeyDER) } + (KeyEncryption.isSealed(text: value) ? 0 : 1)
    }

    /// See `SessionStorage.insert(_:audit:)`.
    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await base.insert(record, audit: event)
    }

    /// See `SessionStorage.session(_:)`.
    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await base.session(handle)
    }

    /// See `SessionStorage.update(_:_:)`.
    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decided<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await base.update(handle, decide)
    }

    /// See `SessionStorage.handles(of:tenant:liveAt:)`.
    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.handles(of: user, tenant: tenant, liveAt: now)
    }

    /// See `SessionStorage.remove(_:audit:)`.
    public func remove(
        _ selection: SessionSelection, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.remove(selection, audit: revocation)
    }

    /// See `SessionStorage.sweepCutOffs(at:limit:)`.
    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await base.sweepCutOffs(at: now, limit: limit)
    }

    /// See `SessionStorage.noteActivity(_:)`.
    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await base.noteActivity(lastSeen)
    }

    /// See `SessionStorage.countActiveUsers(since:)`.
    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await base.countActiveUsers(since: time)
    }

    /// See `SessionStorage.auditTrail(_:)`.
    public func auditTrail(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await base.auditTrail(query)
    }

    /// See `SessionStorage.trimAuditTrail(_:at:limit:)`.
    public func trimAuditTrail(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        try await base.trimAuditTrail(retention, at: now, limit: limit)
    }
}

/// A directory whose apps' private keys are sealed.
public struct SealedAppDirectory: AppDirectory {
    private let base: any AppDirectory
    private let encryption: KeyEncryption?

    /// Puts a seal on a directory; see ``SealedStorage``.
    public init(_ base: any AppDirectory, with encryption: KeyEncryption?) {
        self.base = base
        self.encryption = encryption
    }

    /// See `AppDirectory.apps()`.
    public func apps() async throws(StorageError) -> [AppRecord] { try await base.apps() }

    /// See `AppDirectory.names()`.
    public func names() async throws(StorageError) -> Set<AppID> { try await base.names() }

    /// See `AppDirectory.app(_:)`.
    public func app(_ id: AppID) async throws(StorageError) -> AppRecord? { try await base.app(id) }

    /// See `AppDirectory.updateTenant(of:_:)`.
    public func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await base.updateTenant(of: app, decide)
    }

    /// See `AppDirectory.removeTenant(_:of:audit:)`.
    public func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool {
        try await base.removeTenant(tenant, of: app, audit: revocation)
    }

    /// See `AppDirectory.removeApp(_:)`.
    public func removeApp(_ app: AppID) async throws(StorageError) -> Bool { try await base.removeApp(app) }

    /// See `AppDirectory.storage(of:)`.
    public func storage(of app: AppID) -> any SessionStorage {
        SealedStorage(base.storage(of: app), of: app, with: encryption)
    }
}
