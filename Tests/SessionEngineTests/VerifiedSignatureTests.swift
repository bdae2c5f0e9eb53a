import Crypto
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Signatures that were found good are remembered")
struct VerifiedSignatureTests {
    private static let message: [UInt8] = Array("header.payload".utf8)

    @Test("A signature is checked once, and every other one each time", arguments: [1, 3])
    func once(_ rounds: Int) {
        let signatures = VerifiedSignatures()
        let digest = SHA256.hash(data: Self.message)
        var checked = 0
        for _ in 0..<rounds {
            #expect(
                signatures.accepts([1, 2], over: digest) {
                    checked += 1; return true
                })
            #expect(!signatures.accepts([1, 3], over: digest) { false })
            #expect(!signatures.accepts([1, 2], over: SHA256.hash(data: Self.message + [0])) { false })
        }
        #expect(checked == 1)
    }

    @Test("What was found bad is not remembered as good or bad")
    func bad() {
        let signatures = VerifiedSignatures()
        let digest = SHA256.hash(data: Self.message)
        #expect(!signatures.accepts([1], over: digest) { false })
        #expect(signatures.accepts([1], over: digest) { true })
        #expect(signatures.accepts([1], over: digest) { false }, "it was good once")
    }

    @Test("Those that take over a place are not taken for those that had it")
    func places() {
        let signatures = VerifiedSignatures()
        let digests = (0..<3 * VerifiedSignatures.capacity).map { SHA256.hash(data: Array("\($0)".utf8)) }
        for digest in digests { #expect(signatures.accepts([1], over: digest) { true }) }
        var (known, wrong) = (0, 0)
        for digest in digests {
            if signatures.accepts([1], over: digest, check: { false }) { known += 1 }
            if signatures.accepts([2], over: digest, check: { false }) { wrong += 1 }
        }
        #expect(known > 0 && known <= VerifiedSignatures.capacity && wrong == 0)
    }

    @Test("A token that was accepted is refused with any bit of it changed", arguments: SigningAlgorithm.allCases)
    func changed(_ algorithm: SigningAlgorithm) throws {
        let key = try TestKeys.signingKey(algorithm)
        let signature = try key.signature(over: Self.message)
        for _ in 0..<2 { #expect(key.verificationKey.accepts(signature, over: Self.message)) }
        for index in signature.indices {
            var other = signature
            other[index] ^= 1 << UInt8(index % 8)
            #expect(!key.verificationKey.accepts(other, over: Self.message), "byte \(index)")
        }
        for index in Self.message.indices {
            var other = Self.message
            other[index] ^= 1
            #expect(!key.verificationKey.accepts(signature, over: other), "byte \(index)")
        }
        // A byte that wanders from the signature to the message, or back, gives the same bytes in a row.
        #expect(!key.verificationKey.accepts(Array(signature.dropFirst()), over: Self.message + signature.prefix(1)))
        #expect(!key.verificationKey.accepts([Self.message.last ?? 0] + signature, over: Self.message.dropLast()))
    }

    @Test("Another key of the same name knows nothing of it, and a key that is no longer trusted accepts nothing")
    func otherKey() throws {
        let key = try TestKeys.signingKey(.es256)
        let other = SigningKey(
            id: key.id, kind: key.kind, createdAt: key.createdAt, privateKey: .p256(P256.Signing.PrivateKey()))
        let token = try UnverifiedAccessToken(
            AccessToken(signing: Sample.claims(.v5), with: key).exposed)
        _ = try token.claims(verifiedBy: VerificationKeys([key.verificationKey]))
        #expect(throws: AccessTokenProblem.signatureInvalid) {
            try token.claims(verifiedBy: VerificationKeys([other.verificationKey]))
        }
        #expect(throws: AccessTokenProblem.unknownKey) { try token.claims(verifiedBy: VerificationKeys([])) }
    }
}
