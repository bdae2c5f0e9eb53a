import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Signing and verifying")
struct SigningTests {
    @Test("What is signed verifies and says the same", arguments: AccessTokenFormat.allCases, SigningAlgorithm.allCases)
    func roundTrip(_ format: AccessTokenFormat, _ algorithm: SigningAlgorithm) throws {
        let key = try TestKeys.signingKey(algorithm)
        let claims = Sample.claims(format, parent: "R-1", antiCSRFToken: "c", userData: ["a": [1, nil], "z": nil])
        guard !format.isLegacy || algorithm == .rs256 else {
            #expect(throws: SigningError.algorithmNotAllowed) { try AccessToken(signing: claims, with: key) }
            return
        }
        let token = try AccessToken(signing: claims, with: key)
        let read = try UnverifiedAccessToken(token.exposed).claims(
            verifiedBy: VerificationKeys([key.verificationKey]))
        #expect(read == claims)
        #expect(token.exposed.split(separator: ".", omittingEmptySubsequences: false).count == 3)
    }

    @Test("A key read back from PKCS#8 signs for the same public key", arguments: SigningAlgorithm.allCases)
    func pkcs8(_ algorithm: SigningAlgorithm) throws {
        let key = try TestKeys.signingKey(algorithm)
        let read = try PrivateSigningKey(pkcs8DER: key.privateKey.pkcs8DER, algorithm: algorithm)
        let again = SigningKey(id: key.id, kind: key.kind, createdAt: key.createdAt, privateKey: read)
        #expect(again.verificationKey.spkiBase64 == key.verificationKey.spkiBase64)
        let signature = try again.signature(over: [1, 2, 3])
        #expect(key.verificationKey.accepts(signature, over: [1, 2, 3]))
        #expect(!key.verificationKey.accepts(signature, over: [1, 2, 4]))
    }

    @Test("A key is not read as one of another algorithm, nor from damaged bytes", arguments: SigningAlgorithm.allCases)
    func pkcs8Refusals(_ algorithm: SigningAlgorithm) throws {
        let bytes = try TestKeys.privateKey(algorithm).pkcs8DER
        for other in SigningAlgorithm.allCases where other != algorithm {
            #expect(throws: (any Error).self) { try PrivateSigningKey(pkcs8DER: bytes, algorithm: other) }
        }
        for damaged in [[], Array(bytes.dropLast()), Array(bytes.dropFirst()), [0] + bytes] {
            #expect(throws: (any Error).self) { try PrivateSigningKey(pkcs8DER: damaged, algorithm: algorithm) }
        }
    }

    @Test("A JWK has the members of its kind of key, coordinates of full length")
    func jwk() throws {
        let jwk = try TestKeys.signingKey(.es256).verificationKey.jwk()
        #expect(jwk.names == ["kty", "kid", "crv", "x", "y", "alg", "use"])
        #expect(jwk["kty"] == "EC" && jwk["crv"] == "P-256" && jwk["alg"] == "ES256" && jwk["use"] == "sig")
        for name in ["x", "y"] { #expect(try WireText.decode(try #require(jwk[name]?.string)).count == 32) }
    }

    @Test("A payload damaged in storage is not signed", arguments: AccessTokenFormat.allCases)
    func damagedPayload(_ format: AccessTokenFormat) throws {
        var claims = Sample.claims(format)
        claims.userData = JSONObjectText(stored: "[1]")
        let key = try TestKeys.signingKey(.rs256)
        #expect(throws: SigningError.payloadDamaged) { try AccessToken(signing: claims, with: key) }
    }

    @Test("A token does not print itself")
    func redaction() throws {
        let token = try AccessToken(signing: Sample.claims(.v5), with: try TestKeys.signingKey(.es256))
        var dumped = ""
        dump(token, to: &dumped)
        for text in ["\(token)", dumped, "\([token])"] { #expect(!text.contains("eyJ"), "\(text)") }
    }

    @Test("A token of 64 KiB is read and a longer one is not")
    func maximumLength() {
        let longest = String(repeating: "A", count: UnverifiedAccessToken.maximumLength)
        #expect(throws: AccessTokenProblem.malformed) { try UnverifiedAccessToken(longest) }
        #expect(throws: AccessTokenProblem.malformed) { try UnverifiedAccessToken(longest + "A") }
    }

    @Test("A properly signed token just over the limit is refused")
    func tooLong() throws {
        let key = try TestKeys.signingKey(.es256)
        func token(_ length: Int) throws -> String {
            let data: JSONObject = ["k": .string(String(repeating: "x", count: length))]
            return try AccessToken(signing: Sample.claims(.v5, userData: data), with: key).exposed
        }
        let keys = VerificationKeys([key.verificationKey])
        #expect(throws: Never.self) { try judge(try token(48_000), keys, at: Sample.now).get() }
        #expect(throws: AccessTokenProblem.malformed) { try judge(try token(49_200), keys, at: Sample.now).get() }
    }
}
