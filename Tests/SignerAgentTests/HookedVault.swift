import Dispatch
import Foundations
import SessionEngine
import Synchronization

@testable import SignerAgent

/// A vault in memory that can be held up, and fail.
final class HookedVault: KeyVault {
    typealias Hook = @Sendable () throws(VaultError) -> Void

    private let vault: FileVault
    private let beforeKeep: Hook
    private let beforeGenerate: @Sendable (SigningAlgorithm) -> Void
    private let beforeSign: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - beforeKeep: called before a key is kept.
    ///   - beforeGenerate: called before a key is made.
    ///   - beforeSign: called with the number of inputs before they are signed.
    init(
        beforeKeep: @escaping Hook = { () throws(VaultError) in },
        beforeGenerate: @escaping @Sendable (SigningAlgorithm) -> Void = { _ in },
        beforeSign: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        vault = try FileVault(path: nil, encryption: nil)
        (self.beforeKeep, self.beforeGenerate, self.beforeSign) = (beforeKeep, beforeGenerate, beforeSign)
    }

    var place: String { vault.place }
    func keys() throws(VaultError) -> [VaultKey] { try vault.keys() }
    func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        beforeGenerate(algorithm)
        return try vault.generate(algorithm, at: now)
    }
    func keep(_ key: VaultKey) throws(VaultError) {
        try beforeKeep()
        try vault.keep(key)
    }
    func delete(_ key: VaultKey) throws(VaultError) { try vault.delete(key) }
    func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        beforeSign(inputs.count)
        return try vault.sign(inputs, with: key)
    }
}

/// Holds up those who pass until it is opened.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let count = Mutex(0)

    /// Lets all pass from now on.
    func open() { semaphore.signal() }

    /// Waits until it is open.
    func pass() {
        semaphore.wait()
        semaphore.signal()
    }

    /// Holds up the first one only.
    func passIfFirst() { if number() == 1 { pass() } }

    /// Holds up the second one only.
    func passIfSecond() { if number() == 2 { pass() } }

    private func number() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
