import InMemoryStorage
import SessionEngine
import SessionStorage
import Testing

@testable import SessionService

/// Fixed bytes of what is stored for years: no renaming may change them.
///
/// The ciphertexts were made with another library: the mark `TSK1`, the nonce, the ciphertext and the tag, from the
/// associated data `the key NAME of the app APP`, the nonce `000102030405060708090a0b` and the key `ab` 32 times.
struct StoredDataVectorTests {
    private static func encryption() throws -> KeyEncryption {
        try #require(KeyEncryption(String(repeating: "ab", count: 32)))
    }

    @Test(
        "a recorded ciphertext of the refresh token key decrypts for its app and for no other",
        arguments: [
            ("public", "TSK1:VFNLMQABAgMEBQYHCAkKC0F7az89YwAqZEQ88JDY8itdySzNdPlTMpMbzxY="),
            ("shop", "TSK1:VFNLMQABAgMEBQYHCAkKC0F7az89YwAqZEQ88CSBIzHime2shBPrDvmLXtg="),
        ])
    func refreshTokenKey(_ app: String, _ stored: String) async throws {
        let base = InMemorySessionStorage()
        #expect(try await base.value(named: .refreshTokenKey) { stored } == stored)
        let storage = EncryptedKeyStore(base, of: AppID(app), with: try Self.encryption())
        #expect(try await storage.value(named: .refreshTokenKey) { "another" } == "a master key")
        let other = EncryptedKeyStore(base, of: AppID("other"), with: try Self.encryption())
        await #expect(throws: StorageError(.corrupt, "")) {
            try await other.value(named: .refreshTokenKey) { "another" }
        }
    }

    @Test("a recorded ciphertext of a signing key decrypts, and begins with its mark")
    func signingKey() async throws {
        let id = try #require(KeyID("k1"))
        let base = InMemorySessionStorage()
        let ciphertext: [UInt8] = [
            0x54, 0x53, 0x4b, 0x31, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x41, 0x7b,
            0x6b, 0x3f, 0x3d, 0x63, 0x00, 0x2a, 0x64, 0x44, 0x3c, 0xf0, 0x8d, 0x5b, 0x6f, 0x5c, 0xd5, 0x66, 0xfc, 0xf1,
            0xf8, 0x76, 0xcf, 0x4e, 0xf7, 0x7a, 0xc1, 0x0a,
        ]
        let record = SigningKeyRecord(
            id: id, kind: .dynamic, algorithm: .es256, createdAt: Timestamp(milliseconds: 1),
            privateKeyDER: ciphertext)
        _ = try await base.updateSigningKeys { _ in SigningKeyChange(adding: [record]) }
        let storage = EncryptedKeyStore(base, of: AppID("shop"), with: try Self.encryption())
        let keys = try await storage.updateSigningKeys { _ in .none }
        #expect(keys.map(\.privateKeyDER) == [Array("a master key".utf8)])
    }

    @Test("AN03: the handle of an upgraded session is what it was, computed elsewhere with HKDF and HMAC")
    func upgradedHandle() {
        let key = RefreshTokenKey(masterKey: "a master key")
        let old = SessionHandle("11111111-2222-4333-8444-555555555555")
        #expect(key.upgradedHandle(of: old, tenant: .public) == "9bee2d78-c4a1-4bf3-9451-75c1e06b5f40")
        #expect(key.upgradedHandle(of: old, tenant: TenantID("t1")) == "9bee2d78-c4a1-4bf3-9451-75c1e06b5f40_t1")
    }

    @Test("the names of stored values, audit events, actors and means are what they were")
    func names() {
        #expect(StoredValueName.refreshTokenKey.rawValue == "refresh_token_key")
        #expect(
            AuditEvent.Name.allCases.map(\.rawValue) == [
                "created", "refused", "authenticated", "refreshed", "reuse_detected", "late_parent",
                "bound", "binding_refused", "revoked",
                "revoked_all", "data_changed",
                "restored", "key_created", "key_used", "key_retired", "user_erased", "credential_changed",
                "unreadable",
            ])
        #expect(AuditActor.allCases.map(\.rawValue) == ["user", "admin", "driver", "core"])
        let means = [
            "handle", "all", "others", "tenant", "app", "reuse", "expiry", "limit", "replaced", "impersonationEnd",
            "restore",
        ]
        #expect(Revocation.Means.allCases.map(\.rawValue) == means)
        let classes: [Refresh.ReuseClass] = [.previous, .orphan, .stale]
        #expect(classes.map(\.rawValue) == ["previous", "orphan", "stale"])
    }
}
