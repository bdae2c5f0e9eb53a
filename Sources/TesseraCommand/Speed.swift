import ArgumentParser
import Crypto
import CryptoExtras
import SessionEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `tessera speed`: what a signature costs on this machine, the largest part of a sign-in and of a refresh.
struct Speed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what a signature costs on this machine.",
        discussion: "Prints CPU microseconds for each algorithm of 'access_token_signing_algorithm'.")

    @Option(help: "How many signatures to make for each algorithm.")
    var count = 1_000

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1.") }
    }

    func run() throws {
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let p256 = P256.Signing.PrivateKey()
        let message = [UInt8](repeating: 0x61, count: 400)
        try report(.rs256) { _ = try rsa.signature(for: message, padding: .insecurePKCS1v1_5) }
        try report(.es256) { _ = try p256.signature(for: message) }
    }

    private func report(_ algorithm: SigningAlgorithm, _ sign: () throws -> Void) throws {
        try sign()
        let start = clock()
        for _ in 0..<count { try sign() }
        let microseconds = Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1_000_000 / Double(count)
        print("\(algorithm.rawValue) sign: \((microseconds * 10).rounded() / 10) us")
    }
}
