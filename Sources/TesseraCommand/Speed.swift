import ArgumentParser
import Crypto
import CryptoExtras
import PlatformLibC
import SessionEngine
import SessionService

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `tessera speed`: what the cryptography of a request costs on this machine.
///
/// A signature is the largest part of a sign-in, two derivations the next largest of a refresh, a check that of a
/// verification.
struct Speed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what the cryptography of a request costs on this machine.",
        discussion: """
            Prints CPU microseconds of a signature and of a check for each algorithm of 'access_token_signing_algorithm', and of \
            the derivation of a refresh token's key.
            """)

    @Option(help: "How many of each to do.")
    var count = 1_000

    @Option(help: "Which library makes RSA signatures: automatic, boringssl or openssl.")
    var rsaProvider = RSAProvider.automatic.rawValue

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1.") }
        guard RSAProvider(rawValue: rsaProvider)?.isBuiltIn ?? false else {
            throw ValidationError("--rsa-provider must be one that this program was built with.")
        }
    }

    func run() throws {
        let signers = RSASigners(RSAProvider(rawValue: rsaProvider) ?? .automatic)
        let message = [UInt8](repeating: 0x61, count: 400)
        for algorithm in SigningAlgorithm.allCases {
            let key = signers.opened(try Self.key(algorithm))
            key.prepareToSign()
            let signature = try key.signature(over: message)
            try report("\(algorithm.rawValue) sign") { _ = try key.signature(over: message) }
            try report("\(algorithm.rawValue) check") {
                guard key.verificationKey.checks(signature, over: SHA256.hash(data: message)) else {
                    throw Failure("a signature is wrong")
                }
            }
        }
        // As for a refresh token: a master key of 262 characters and a vector of 12 bytes.
        let (secret, salt) = ([UInt8](repeating: 0x6B, count: 262), [UInt8](repeating: 1, count: 12))
        try report("derivation") {
            _ = try KDF.Insecure.PBKDF2.deriveKey(
                from: secret, salt: salt, using: .sha512, outputByteCount: 32, unsafeUncheckedRounds: 100)
        }
        if let choice = signers.chosen { print("\(choice).") }
    }

    private static func key(_ algorithm: SigningAlgorithm) throws -> SigningKey {
        let privateKey: PrivateSigningKey =
            switch algorithm {
            case .rs256: .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048))
            case .es256: .p256(P256.Signing.PrivateKey())
            }
        guard let id = KeyID("speed") else { throw Failure("no name for a key") }
        return SigningKey(id: id, kind: .static, createdAt: Timestamp(milliseconds: 0), privateKey: privateKey)
    }

    private func report(_ name: String, _ act: () throws -> Void) throws {
        try act()
        let start = clock()
        for _ in 0..<count { try act() }
        let microseconds = Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1_000_000 / Double(count)
        print("\(name): \((microseconds * 10).rounded() / 10) us")
    }
}
