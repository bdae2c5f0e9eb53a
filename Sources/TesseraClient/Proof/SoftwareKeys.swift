import Crypto
import Foundations

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Keys in memory and, as private keys, in the store; for Linux, and for Apple systems without a Secure Enclave.
public struct SoftwareKeys: ProofKeys {
    /// The only kind that is kept as it is.
    public let kind = "software"

    /// Makes keys with the system's randomness.
    public init() {}

    public func make() throws(ProofKeyError) -> [UInt8] { Array(P256.Signing.PrivateKey().rawRepresentation) }

    public func publicKey(of kept: [UInt8]) throws(ProofKeyError) -> [UInt8] {
        Array(try Self.key(kept).publicKey.rawRepresentation)
    }

    public func signature(of bytes: [UInt8], by kept: [UInt8]) throws(ProofKeyError) -> [UInt8] {
        let key = try Self.key(kept)
        guard let signature = try? key.signature(for: bytes) else { throw .unavailable("the key does not sign") }
        return Array(signature.rawRepresentation)
    }

    private static func key(_ kept: [UInt8]) throws(ProofKeyError) -> P256.Signing.PrivateKey {
        guard let key = try? P256.Signing.PrivateKey(rawRepresentation: kept) else { throw .lost }
        return key
    }
}
