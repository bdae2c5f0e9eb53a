package import Foundations
package import SessionEngine

/// A key of a signer.
package struct VaultKey: Sendable {
    /// Its name at the signer.
    package let name: SignerKeyName
    /// The public half.
    package let publicKey: PublicVerificationKey
    /// The name that its tokens carry; `nil` for one in reserve.
    package var id: KeyID?
    /// When it was made.
    package var createdAt: Timestamp

    package init(_ publicKey: PublicVerificationKey, id: KeyID? = nil, createdAt: Timestamp) {
        name = SignerKeyName(of: publicKey)
        (self.publicKey, self.id, self.createdAt) = (publicKey, id, createdAt)
    }
}

/// Where a signer has its private keys.
///
/// All functions may wait, and may be called by several threads.
package protocol KeyVault: Sendable {
    /// What it is, for people.
    var place: String { get }
    /// The keys that it has now.
    func keys() throws(VaultError) -> [VaultKey]
    /// Makes a key pair, which may be lost until it is kept.
    func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey
    /// Keeps a key under the name that its tokens carry.
    func keep(_ key: VaultKey) throws(VaultError)
    /// Deletes a private key.
    func delete(_ key: VaultKey) throws(VaultError)
    /// Signs inputs.
    func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]]
    /// Why this process cannot use the keys any more; `nil` while it can.
    func fault(at now: MonotonicTime) -> VaultError?
}

extension KeyVault {
    package func fault(at now: MonotonicTime) -> VaultError? { nil }
}

/// Why a signer's keys cannot be used.
package struct VaultError: Error, Sendable, CustomStringConvertible {
    /// What happened and what to do; never a secret.
    package let description: String
    /// Whether to try again at once, because a session or a login of a device was lost.
    package let isPassing: Bool
    /// Whether to start again would cost something: a device counts wrong PINs.
    package let isFinal: Bool
    /// Whether a device has answered so.
    let isOfDevice: Bool

    package init(_ description: String, isPassing: Bool = false, isFinal: Bool = false) {
        self.init(description, isPassing: isPassing, isFinal: isFinal, isOfDevice: false)
    }

    init(_ description: String, isPassing: Bool, isFinal: Bool = false, isOfDevice: Bool) {
        (self.description, self.isPassing, self.isFinal) = (description, isPassing, isFinal)
        self.isOfDevice = isOfDevice
    }
}
