import Foundations

/// Makes keys that sessions are bound to, and signs with them (RFC 9449): ES256 with P-256.
///
/// What is kept of a key is kept in the store, beside the tokens of its session.
public protocol ProofKeys: Sendable {
    /// Names the kind of the keys in the store, such as `software`.
    var kind: String { get }

    /// Makes a key.
    ///
    /// - Returns: what is kept of it: enough for this device to find it again.
    /// - Throws: ``ProofKeyError``.
    func make() throws(ProofKeyError) -> [UInt8]

    /// The public half of a key: the 32 bytes of x and the 32 bytes of y.
    ///
    /// - Parameter kept: what ``make()`` returned.
    /// - Throws: ``ProofKeyError/lost`` where there is no such key on this device any more, which ends its session.
    func publicKey(of kept: [UInt8]) throws(ProofKeyError) -> [UInt8]

    /// The signature of SHA-256 of some bytes: the 32 bytes of r and the 32 bytes of s.
    ///
    /// - Parameters:
    ///   - bytes: what is signed.
    ///   - kept: what ``make()`` returned.
    /// - Throws: ``ProofKeyError``.
    func signature(of bytes: [UInt8], by kept: [UInt8]) throws(ProofKeyError) -> [UInt8]
}

/// Why a key cannot be used.
public enum ProofKeyError: Error, Sendable, Equatable {
    /// It is gone from this device for good: its session can only be begun again.
    case lost
    /// It cannot be used now, such as before the first unlock; nothing is known of its session.
    case unavailable(String)
}

/// Which requests prove the key of their session.
public enum ProofUse: String, Sendable, CaseIterable {
    /// None of its own: new sessions are bound to no key. Those that are bound are refreshed as ever.
    case off
    /// Sign-ins, refreshes and sign-outs; and calls of an API that asks for it, from its first refusal on.
    case refresh
    /// All that are sent to the API.
    case everyCall
}

/// A key as it is kept: which kind made it, and what that needs to find it.
struct KeptKey: Redacted, Hashable, Sendable {
    let kind: String
    let bytes: [UInt8]
}
