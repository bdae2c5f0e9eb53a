import Crypto
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Fixed vectors")
struct FixedVectorTests {
    private func ownClaims(_ format: AccessTokenFormat) throws -> AccessTokenClaims {
        let issuedAt = Timestamp(milliseconds: 1_600_000_000_000)
        let hash = try #require(TokenHash(hex: String(repeating: "a", count: 64)))
        var claims = Sample.claims(format, issuedAt: issuedAt, expiresAt: issuedAt + Sample.hour)
        claims.refreshTokenHash = hash
        return claims
    }

    @Test("V1, V2 and V5 are reproduced byte for byte", arguments: [AccessTokenFormat.v1, .v2, .v5])
    func signs(_ format: AccessTokenFormat) throws {
        let vectors = try Vectors.load()
        let expected =
            format == .v5
            ? try vectors.text("own", "v5_token") : try vectors.text("own", "legacy_tokens", "V\(format.rawValue)")
        let token = try AccessToken(signing: try ownClaims(format), with: try vectors.ownKey())
        #expect(token.exposed == expected)
        #expect(token.issuedAt.milliseconds == 1_600_000_000_000)
        #expect(token.expiresAt.milliseconds == 1_600_003_600_000)
    }

    @Test("Header and payload of V5 are the given texts")
    func payload() throws {
        let vectors = try Vectors.load()
        let header = AccessTokenHeader(format: .v5, algorithm: .rs256, keyID: try vectors.ownKey().id)
        #expect(
            try WireText.decode(String(decoding: header.encoded, as: UTF8.self))
                == Array(vectors.text("own", "v5_header").utf8))
        #expect(try ownClaims(.v5).payload() == Array(vectors.text("own", "v5_payload").utf8))
        #expect(try ownClaims(.v2).payload() == Array(vectors.text("own", "legacy_payload").utf8))
    }

    @Test("The public key is published as the given SubjectPublicKeyInfo")
    func publicKey() throws {
        let vectors = try Vectors.load()
        let key = try vectors.ownKey()
        #expect(try key.verificationKey.spkiBase64 == vectors.text("own", "rsa_public_spki_b64"))
        let jwk = try key.verificationKey.jwk()
        #expect(jwk.names == ["kty", "kid", "n", "e", "alg", "use"])
        #expect(jwk["e"] == "AQAB")
        #expect(jwk["kid"] == "d-1600000000000")
    }

    @Test("A recorded key's JWK comes back as it was recorded", arguments: try Vectors.load().recorded)
    func jwk(_ recorded: TokenVectors.Recorded) throws {
        let entry = try #require(try Vectors.load().document["recorded"]?.array?[recorded.number].object)
        guard let expected = entry["key"]?.object?["jwk"]?.object else { return }
        #expect(try recorded.key.jwk() == expected)
    }

    @Test("The refresh token is sealed byte for byte")
    func seals() throws {
        let vectors = try Vectors.load()
        let key = RefreshTokenKey(masterKey: try vectors.text("refresh", "master_key"))
        let vector = try WireText.hex(try vectors.text("refresh", "iv_hex"))
        let content = try refreshContent(vectors)
        #expect(String(decoding: content.plaintext, as: UTF8.self) == (try vectors.text("refresh", "payload")))
        let token = try key.encrypt(content, initializationVector: vector)
        #expect(token.exposed == (try vectors.text("refresh", "token")))
    }

    @Test("The refresh token opens to what it was sealed from")
    func opens() throws {
        let vectors = try Vectors.load()
        let key = RefreshTokenKey(masterKey: try vectors.text("refresh", "master_key"))
        let content = try key.open(RefreshToken(try vectors.text("refresh", "token")))
        #expect(content.plaintext == (try refreshContent(vectors)).plaintext)
        #expect(content.handle == Sample.handle)
        #expect(content.userID == UserID("u1"))
        #expect(content.parentHash == nil)
        #expect(content.antiCSRFToken == nil)
        #expect(content.tenantID == .public)
    }

    @Test("The AES key is derived from the master key and the vector")
    func derives() throws {
        let vectors = try Vectors.load()
        let salt = try WireText.hex(try vectors.text("refresh", "iv_hex"))
        let key = try RefreshTokenKey.derive(
            from: try vectors.text("refresh", "master_key"), salt: salt, length: 32, rounds: 100)
        let bytes = key.withUnsafeBytes { Array($0) }
        #expect(bytes == (try WireText.hex(try vectors.text("refresh", "aes_key_hex"))))
    }

    @Test("Both hashes of the refresh token are the given ones")
    func hashes() throws {
        let vectors = try Vectors.load()
        let hash = TokenHash(of: RefreshToken(try vectors.text("refresh", "token")))
        #expect(hash.hex == (try vectors.text("refresh", "hash1")))
        #expect(hash.stored.hex == (try vectors.text("refresh", "hash2")))
    }

    private func refreshContent(_ vectors: TokenVectors) throws -> RefreshTokenContent {
        let payload = try #require(try JSONValue(parsing: try vectors.text("refresh", "payload")).object)
        return RefreshTokenContent(
            handle: SessionHandle(try #require(payload["sessionHandle"]?.string)), userID: UserID("u1"),
            parentHash: nil, nonce: try #require(payload["nonce"]?.string), antiCSRFToken: nil, tenantID: .public)
    }
}
