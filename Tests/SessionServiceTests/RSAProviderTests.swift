import CryptoExtras
import Dispatch
import Foundation
import Foundations
import SessionEngine
import Synchronization
import TestSupport
import Testing

@testable import SessionService

/// Which library signs (docs/decisions/0023), and that no one can tell from the signature.
struct RSAProviderTests {
    private func signers(
        _ provider: RSAProvider, _ told: Told = Told()
    ) -> RSASigners {
        RSASigners(provider) { choice in told.choices.withLock { $0.append(choice) } }
    }

    private final class Told: Sendable {
        let choices = Mutex<[RSAChoice]>([])
        var all: [RSAChoice] { choices.withLock { $0 } }
    }

    @Test("the choice is made once, at the first signature, and told once")
    func choice() throws {
        let told = Told()
        let signers = signers(.automatic, told)
        let elliptic = signers.opened(try TestKeys.signingKey(.es256))
        _ = try elliptic.signature(over: [1])
        #expect(told.all.isEmpty && signers.chosen == nil)
        for _ in 0..<2 {
            let key = signers.opened(try TestKeys.signingKey(.rs256))
            _ = try key.signature(over: [1])
        }
        #expect(told.all.count == 1 && told.all.first == signers.chosen)
        #expect([.boringssl, .openssl].contains(told.all.first?.provider))
    }

    @Test("who asks for boringssl is given it, and nothing is measured")
    func boringSSL() throws {
        let told = Told()
        let key = signers(.boringssl, told).opened(try TestKeys.signingKey(.rs256))
        #expect(try key.signature(over: [1, 2]) == TestKeys.signingKey(.rs256).signature(over: [1, 2]))
        #expect(told.all == [RSAChoice(.boringssl)])
    }

    static let costs: [(Double, Double, RSAProvider)] = [
        (580, 330, .openssl), (580, 521, .openssl), (580, 523, .boringssl), (580, 770, .boringssl),
    ]

    @Test("libcrypto has to be faster by a tenth", arguments: costs)
    func threshold(row: (boringssl: Double, openssl: Double, provider: RSAProvider)) {
        let choice = RSAChoice(RSAChoice.Costs(boringssl: row.boringssl, openssl: row.openssl))
        #expect(choice.provider == row.provider)
        #expect(RSAChoice(nil as RSAChoice.Costs?).provider == .boringssl)
    }

    @Test("a log line says what was chosen and why")
    func description() {
        let costs = RSAChoice.Costs(boringssl: 580.4, openssl: 329.6)
        #expect(
            "\(RSAChoice(costs))"
                == "RSA signatures are made by openssl: openssl takes 330 us, boringssl 580")
        #expect("\(RSAChoice(.boringssl))" == "RSA signatures are made by boringssl")
    }

    #if OpenSSL
        @Test("a program that has libcrypto can be told to use it")
        func builtIn() throws {
            #expect(RSAProvider.allCases.filter(\.isBuiltIn).count == 3)
            let told = Told()
            let key = signers(.openssl, told).opened(try TestKeys.signingKey(.rs256))
            let signature = try key.signature(over: [1])
            #expect(key.verificationKey.accepts(signature, over: [1]) && told.all == [RSAChoice(.openssl)])
        }

        /// Lengths around the blocks of SHA-256, none and many.
        private static let lengths = [0, 1, 31, 32, 55, 56, 63, 64, 65, 119, 120, 1_000, 70_000]

        private func keys() throws -> [RSAPrivateKey] {
            let made = try (0..<4).map { _ in try RSAPrivateKey(keySize: .bits2048) }
            let longer = try RSAPrivateKey(keySize: .bits3072)
            return try made + [longer, vectorKey()]
        }

        private func vectors() throws -> TokenVectors {
            let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            return try TokenVectors(Data(contentsOf: tests.appending(path: "SessionEngineTests/Vectors/tokens.json")))
        }

        private func vectorKey() throws -> RSAPrivateKey {
            guard case .rsa(let key) = try vectors().ownKey().privateKey else {
                throw TestSupportError("the fixed key is not RSA")
            }
            return key
        }

        @Test("signatures are those of swift-crypto, byte for byte, for many keys and messages")
        func sameBytes() throws {
            for key in try keys() {
                let other = try #require(OpenSSLKey(pkcs8DER: Array(key.pkcs8DERRepresentation)))
                for length in Self.lengths {
                    for seed in 0..<4 {
                        let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &* 7 &+ length) }
                        #expect(
                            try other.signature(over: message) == key.signature(over: message), "\(length), \(seed)")
                    }
                }
            }
        }

        @Test("and so for the recorded tokens: header and payload are signed as they were")
        func recorded() throws {
            let vectors = try vectors()
            let key = RSASigners(.openssl).opened(try vectors.ownKey())
            for path in [["own", "v5_token"], ["own", "legacy_tokens", "V1"], ["own", "legacy_tokens", "V2"]] {
                let token =
                    path.count == 2
                    ? try vectors.text(path[0], path[1]) : try vectors.text(path[0], path[1], path[2])
                let parts = token.split(separator: ".")
                let input = parts.dropLast().joined(separator: ".")
                let signature = try key.signature(over: Array(input.utf8))
                let expected = try WireText.decode(String(try #require(parts.last)))
                #expect(signature == expected, "\(path)")
            }
        }

        @Test("many threads sign with one key at a time")
        func concurrent() throws {
            let key = try vectorKey()
            let other = try #require(OpenSSLKey(pkcs8DER: Array(key.pkcs8DERRepresentation)))
            let messages = (0..<16).map { [UInt8](repeating: UInt8($0), count: 100 + $0) }
            let expected = try messages.map { try key.signature(over: $0) }
            let wrong = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 320) { number in
                let index = number % messages.count
                if (try? other.signature(over: messages[index])) != expected[index] { wrong.withLock { $0 += 1 } }
            }
            #expect(wrong.withLock { $0 } == 0)
        }

        @Test("bytes that are no RSA key are not taken for one")
        func refusals() throws {
            let bytes = try TestKeys.rsa().pkcs8DER
            for damaged in [[], Array(bytes.prefix(40)), Array(bytes.dropFirst()), TestKeys.p256.pkcs8DER] {
                #expect(OpenSSLKey(pkcs8DER: damaged) == nil)
            }
        }

        @Test("a measurement has figures of both")
        func measurement() throws {
            let signers = signers(.automatic)
            signers.opened(try TestKeys.signingKey(.rs256)).prepareToSign()
            let costs = try #require(signers.chosen?.costs)
            #expect((1...1e6).contains(costs.boringssl) && (1...1e6).contains(costs.openssl))
        }
    #else
        @Test("a program without libcrypto says so")
        func notBuiltIn() {
            #expect(!RSAProvider.openssl.isBuiltIn)
            #expect(RSAProvider.automatic.isBuiltIn && RSAProvider.boringssl.isBuiltIn)
        }
    #endif

    @Test("a service's tokens verify, whoever signs", arguments: RSAProvider.allCases.filter(\.isBuiltIn))
    func service(_ provider: RSAProvider) async throws {
        let clock = TestClock()
        let storage = try await World.storageWithRSAKeys(at: clock.now)
        let signers = signers(provider)
        let service = try await SessionManager(
            storage: storage, clock: ClockAndRandomness(time: { clock.now }, randomBits: { 4 }),
            keyPool: SigningKeyPool(signers: signers))
        #expect(signers.chosen == nil || provider == .boringssl || !RSAProvider.openssl.isBuiltIn)
        guard case .created(let tokens) = try await service.createSession(.init(userID: UserID("alice"))) else {
            Issue.record("no session")
            return
        }
        guard case .valid = try await service.verify(.init(accessToken: tokens.accessToken.exposed)) else {
            Issue.record("the token does not verify")
            return
        }
        #expect(signers.chosen.map { provider == .automatic || $0.provider == provider } ?? false)
    }
}
