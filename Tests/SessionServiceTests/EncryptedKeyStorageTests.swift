import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@testable import SessionService

/// Private keys in storage are encrypted, and everything else goes through.
struct EncryptedKeyStorageTests {
    private static let old = String(repeating: "ab", count: 32)
    private static let new = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private func encryption(_ text: String) throws -> KeyEncryption { try #require(KeyEncryption(text)) }

    @Test("key encryption passes the conformance checks of a storage", arguments: StorageConformance.checks)
    func conformance(_ check: StorageConformance.Check) async throws {
        try await check.run(EncryptedKeyStorage(InMemorySessionStorage(), of: .public, with: try encryption(Self.old)))
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
        let storage = EncryptedKeyStorage(base, of: .public, with: try encryption(Self.old))
        let service = try await SessionManager(storage: storage)
        try await service.prepareSigningKeys()
        guard case .created(let issued) = try await service.createSession(.init(userID: UserID("u"))) else {
            Issue.record("no session was made")
            return
        }
        for record in try await base.updateSigningKeys({ _ in .none }) {
            #expect(KeyEncryption.isEncrypted(record.privateKeyDER) && (try? record.signingKey()) == nil)
        }
        #expect(KeyEncryption.isEncrypted(text: try await base.value(named: .refreshTokenKey) { "none" }))
        #expect(try await storage.countUnencryptedKeys() == 0)
        let both = try encryption("\(Self.new),\(Self.old)")
        let again = try await SessionManager(storage: EncryptedKeyStorage(base, of: .public, with: both))
        let verified = try await again.verify(.init(accessToken: issued.accessToken.exposed))
        guard case .valid = verified else {
            Issue.record("a token of before is not good: \(verified)")
            return
        }
    }

    @Test("without the key, or with another, nothing is opened and nothing is changed", arguments: [nil, new])
    func wrongKey(_ text: String?) async throws {
        let base = InMemorySessionStorage()
        let right = EncryptedKeyStorage(base, of: .public, with: try encryption(Self.old))
        _ = try await SessionManager(storage: right).prepareSigningKeys()
        let before = try await base.updateSigningKeys { _ in .none }
        let wrong = EncryptedKeyStorage(base, of: .public, with: try text.map(encryption))
        await #expect(throws: StorageError(.corrupt, "")) {
            _ = try await wrong.updateSigningKeys { SigningKeyChange(removing: $0.map(\.id)) }
        }
        await #expect(throws: ServiceError.storage(StorageError(.corrupt, ""))) {
            _ = try await SessionManager(storage: wrong)
        }
        #expect(try await base.updateSigningKeys { _ in .none } == before)
    }

    @Test("a key of one app opens in no other")
    func places() throws {
        let encryption = try encryption(Self.old)
        let encrypted = try encryption.encrypt([1, 2, 3], for: "a")
        #expect(try encryption.decrypt(encrypted, for: "a") == [1, 2, 3])
        #expect(throws: StorageError.self) { try encryption.decrypt(encrypted, for: "b") }
    }

    @Test("keys from before the encryption are used as they are, and counted")
    func inTheClear() async throws {
        let base = InMemorySessionStorage()
        try await SessionManager(storage: base).prepareSigningKeys()
        let storage = EncryptedKeyStorage(base, of: .public, with: try encryption(Self.old))
        try await SessionManager(storage: storage).prepareSigningKeys()
        #expect(try await storage.countUnencryptedKeys() == 3)
    }
}
