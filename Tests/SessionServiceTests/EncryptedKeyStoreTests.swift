import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

@testable import SessionService

/// Private keys in storage are encrypted, and everything else goes through.
struct EncryptedKeyStoreTests {
    private static let old = String(repeating: "ab", count: 32)
    private static let new = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private func encryption(_ text: String) throws -> KeyEncryption { try #require(KeyEncryption(text)) }

    @Test("key encryption passes the conformance checks of a storage", arguments: StorageConformance.checks)
    func conformance(_ check: StorageConformance.Check) async throws {
        try await check.run(EncryptedStorage(encryption: try encryption(Self.old)))
    }

    @Test(
        "what is 32 bytes is a key, and nothing else",
        arguments: [
            (old, true), (new, true), ("\(new), \(old)\n", true), ("", false), ("ab", false),
            (String(repeating: "zz", count: 32), false), (old + "0", false), ("\(old) x", false),
        ])
    func keys(_ text: String, _ isKey: Bool) {
        #expect((KeyEncryption(text) != nil) == isKey)
    }

    @Test("nothing of a private key is stored, and sessions survive a restart with the key")
    func encrypted() async throws {
        let base = InMemorySessionStorage()
        let keys = EncryptedKeyStore(base, of: .public, with: try encryption(Self.old))
        let service = try await SessionManager(storage: base, keyStore: keys)
        try await service.prepareSigningKeys()
        guard case .created(let issued) = try await service.createSession(.init(userID: UserID("u"))) else {
            Issue.record("no session was made")
            return
        }
        for record in try await base.updateSigningKeys({ _ in .none }) {
            #expect(KeyEncryption.isEncrypted(record.privateKeyDER) && (try? record.signingKey()) == nil)
        }
        #expect(KeyEncryption.isEncrypted(text: try await base.value(named: .refreshTokenKey) { "none" }))
        #expect(try await KeyEncryptionReport(reading: base).encrypted.count == 3)
        let both = try encryption("\(Self.new),\(Self.old)")
        let again = try await SessionManager(
            storage: base, keyStore: EncryptedKeyStore(base, of: .public, with: both))
        let verified = try await again.verify(.init(accessToken: issued.accessToken.exposed))
        guard case .valid = verified else {
            Issue.record("a token of before is not good: \(verified)")
            return
        }
    }

    @Test("without the key, or with another, nothing is opened and nothing is changed", arguments: [nil, new])
    func wrongKey(_ text: String?) async throws {
        let base = InMemorySessionStorage()
        let right = EncryptedKeyStore(base, of: .public, with: try encryption(Self.old))
        _ = try await SessionManager(storage: base, keyStore: right).prepareSigningKeys()
        let before = try await base.updateSigningKeys { _ in .none }
        let wrong = EncryptedKeyStore(base, of: .public, with: try text.map(encryption))
        await #expect(throws: StorageError(.corrupt, "")) {
            _ = try await wrong.updateSigningKeys { SigningKeyChange(removing: $0.map(\.id)) }
        }
        await #expect(throws: ServiceError.storage(StorageError(.corrupt, ""))) {
            _ = try await SessionManager(storage: base, keyStore: wrong)
        }
        #expect(try await base.updateSigningKeys { _ in .none } == before)
    }

    /// A store with the keys of a service that has made some, encrypted or not.
    private func filledStore(_ encryption: KeyEncryption?) async throws -> InMemorySessionStorage {
        let base = InMemorySessionStorage()
        let keys = EncryptedKeyStore(base, of: .public, with: encryption)
        try await SessionManager(storage: base, keyStore: keys).prepareSigningKeys()
        return base
    }

    /// Changes a stored row behind the service's back.
    private func change(
        _ base: InMemorySessionStorage, _ change: @escaping @Sendable (SigningKeyRecord) -> SigningKeyRecord
    ) async throws -> KeyID {
        let old = try #require(try await base.signingKeys().first { $0.kind == .dynamic })
        _ = try await base.updateSigningKeys { _ in SigningKeyChange(removing: [old.id]) }
        let new = change(old)
        _ = try await base.updateSigningKeys { _ in SigningKeyChange(adding: [new]) }
        return new.id
    }

    /// The ids of the keys that a store gives out, and of those that it refuses.
    private func read(
        _ base: InMemorySessionStorage, of app: AppID = .public, _ encryption: KeyEncryption
    ) async throws -> (used: Set<KeyID>, refused: Set<KeyID>) {
        let refused = Mutex<[KeyID]>([])
        let store = EncryptedKeyStore(base, of: app, with: encryption) { key in refused.withLock { $0.append(key.id) } }
        let used = try await store.signingKeys()
        _ = try await store.signingKeys()
        let ids = refused.withLock(\.self)
        #expect(Set(ids).count == ids.count, "each is told once")
        return (Set(used.map(\.id)), Set(ids))
    }

    @Test("finding K1: a private key in the clear beside encrypted ones is not used, and the others are")
    func plantedKey() async throws {
        let encryption = try encryption(Self.old)
        let base = try await filledStore(encryption)
        let good = Set(try await base.signingKeys().map(\.id))
        let thief = try await filledStore(nil)
        let planted = try await thief.signingKeys()
        _ = try await base.updateSigningKeys { _ in SigningKeyChange(adding: planted) }
        let (used, refused) = try await read(base, encryption)
        #expect(
            used == good.subtracting(planted.map(\.id))
                && refused.isSuperset(of: Set(planted.map(\.id)).subtracting(good)))
    }

    @Test(
        "finding K1: a row whose name, kind, algorithm or time is another one than was encrypted is not used",
        arguments: ["name", "kind", "algorithm", "earlier", "later", "zero"])
    func changedRow(_ column: String) async throws {
        let encryption = try encryption(Self.old)
        let base = try await filledStore(encryption)
        let changed = try await change(base) { old in
            let time = old.createdAt
            let id = column == "name" ? KeyID("d-1") ?? old.id : old.id
            let kind = column == "kind" ? .static : old.kind
            let algorithm: SigningAlgorithm =
                column == "algorithm" ? (old.algorithm == .es256 ? .rs256 : .es256) : old.algorithm
            let times = [
                "earlier": time + Milliseconds(-1), "later": time + .seconds(1_000_000),
                "zero": Timestamp(milliseconds: 0),
            ]
            return SigningKeyRecord(
                id: id, kind: kind, algorithm: algorithm, createdAt: times[column] ?? time,
                privateKeyDER: old.privateKeyDER, firstUsedAt: old.firstUsedAt)
        }
        let (used, refused) = try await read(base, encryption)
        #expect(!used.contains(changed) && refused == [changed] && used.count == 1)
    }

    @Test("finding K1: the secret of refresh tokens in the clear stops the service, with the way out")
    func plantedSecret() async throws {
        let base = try await filledStore(nil)
        let keys = EncryptedKeyStore(base, of: .public, with: try encryption(Self.old))
        let failure = await #expect(throws: ServiceError.self) {
            _ = try await SessionManager(storage: base, keyStore: keys)
        }
        guard case .storage(let error)? = failure else { return }
        #expect(error.code == .corrupt && error.detail.contains("tessera keys encrypt"))
    }

    @Test("a key of one app is used in no other")
    func places() async throws {
        let encryption = try encryption(Self.old)
        let base = try await filledStore(encryption)
        await #expect(throws: StorageError(.corrupt, "")) { _ = try await read(base, of: AppID("b"), encryption) }
    }

    @Test(
        "keys in the clear, of the earlier form and of another key-encryption key are encrypted, and stay the same keys"
    )
    func encryptAll() async throws {
        let base = try await filledStore(nil)
        let clear = try await base.signingKeys()
        let secret = try await base.storedValue(.refreshTokenKey)
        #expect(try await KeyEncryptionReport(reading: base).clear.count == 3)
        #expect(try await encryption(Self.old).encryptAll(in: base, of: .public) == 3)
        let both = try encryption("\(Self.new) \(Self.old)")
        #expect(try await both.encryptAll(in: base, of: .public) == 3)
        let new = try encryption(Self.new)
        #expect(try await new.encryptAll(in: base, of: .public) == 3)
        let keys = EncryptedKeyStore(base, of: .public, with: new)
        #expect(Set(try await keys.signingKeys().map(\.privateKeyDER)) == Set(clear.map(\.privateKeyDER)))
        #expect(try await keys.storedValue(.refreshTokenKey) == secret)
        let report = try await KeyEncryptionReport(reading: base)
        #expect(report.clear.isEmpty && report.earlierForm.isEmpty && report.encrypted.count == 3)
    }
}

/// A storage in memory whose keys are encrypted.
private struct EncryptedStorage: StorageDecorator {
    let base: any SessionStorage
    private let keys: EncryptedKeyStore

    init(encryption: KeyEncryption) {
        let base = InMemorySessionStorage()
        self.base = base
        keys = EncryptedKeyStore(base, of: .public, with: encryption)
    }

    func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] { try await keys.updateSigningKeys(decide) }

    func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String { try await keys.value(named: name, audit: event, orStore: candidate) }

    func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await keys.storedValue(name)
    }

    func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool { try await keys.replaceValue(named: name, old, by: new, audit: event) }
}
