import Crypto
import CryptoExtras
import Foundation

/// Hashes of passwords by scrypt (RFC 7914).
///
/// The work is done on threads of its own, two at a time: a hash takes 128 MiB and a third of a second, and neither other
/// requests nor the memory of the machine shall suffer when many people log in at once.
actor Passwords {
    /// How much work a hash is.
    ///
    /// OWASP's first choice is `N = 2^17`, `r = 8`, `p = 1`; tests take less.
    struct Cost: Sendable {
        var rounds = 1 << 17
        var blockSize = 8

        static let owasp = Cost()
        static let tests = Cost(rounds: 1 << 4)
    }

    private let cost: Cost
    private var free = 2
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Compared with where there is no such user, so that the time says nothing about who has an account.
    private let nobody: String

    init(cost: Cost = .owasp) {
        self.cost = cost
        nobody = "scrypt$\(cost.rounds)$\(cost.blockSize)$\(Data(count: 16).base64EncodedString())$"
    }

    /// The hash of a password, with its salt and its cost.
    func hash(_ password: String) async throws -> String {
        let salt = SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
        let key = try await derive(password, salt, cost)
        return "scrypt$\(cost.rounds)$\(cost.blockSize)$\(salt.base64EncodedString())$\(key.base64EncodedString())"
    }

    /// Whether a password has a hash; it takes the same time where there is no user, and so no hash.
    func isRight(_ password: String, for hash: String?) async throws -> Bool {
        let parts = (hash ?? nobody).split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
            let salt = Data(base64Encoded: parts[3]), let expected = Data(base64Encoded: parts[4])
        else { return false }
        let key = try await derive(password, salt, Cost(rounds: rounds, blockSize: blockSize))
        // Each byte is looked at, wherever the first difference is.
        let difference = zip(key, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        return key.count == expected.count && difference == 0
    }

    private func derive(_ password: String, _ salt: Data, _ cost: Cost) async throws -> Data {
        await enter()
        defer { leave() }
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    with: Result {
                        let key = try KDF.Scrypt.deriveKey(
                            from: Data(password.utf8), salt: salt, outputByteCount: 32, rounds: cost.rounds,
                            blockSize: cost.blockSize, parallelism: 1, maxMemory: 256 << 20)
                        return key.withUnsafeBytes { Data($0) }
                    })
            }
        }
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
