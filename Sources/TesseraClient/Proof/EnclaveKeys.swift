#if canImport(CryptoKit) && canImport(Security) && canImport(Darwin)
    import CryptoKit
    import Foundation
    import Security

    /// Keys in the Secure Enclave, which never leave it; the store keeps a blob that is of use on this device only.
    ///
    /// Not run by the project's tests, which have no Apple system (docs/client.md).
    public struct EnclaveKeys: ProofKeys {
        public let kind = "enclave"

        /// Uses the Secure Enclave of this device; `nil` where it has none, as in a simulator.
        public init?() {
            guard SecureEnclave.isAvailable else { return nil }
        }

        /// Usable after the first unlock, on this device only, without asking the user.
        public func make() throws(ProofKeyError) -> [UInt8] {
            let access = SecAccessControlCreateWithFlags(
                nil, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, .privateKeyUsage, nil)
            guard let access, let key = try? SecureEnclave.P256.Signing.PrivateKey(accessControl: access) else {
                throw .unavailable("the Secure Enclave makes no key")
            }
            return Array(key.dataRepresentation)
        }

        public func publicKey(of kept: [UInt8]) throws(ProofKeyError) -> [UInt8] {
            Array(try Self.key(kept).publicKey.rawRepresentation)
        }

        public func signature(of bytes: [UInt8], by kept: [UInt8]) throws(ProofKeyError) -> [UInt8] {
            // Before the first unlock the key is there and does not sign: unknown, and not lost.
            guard let signature = try? Self.key(kept).signature(for: Data(bytes)) else {
                throw .unavailable("the Secure Enclave does not sign")
            }
            return Array(signature.rawRepresentation)
        }

        /// A blob of another device, as in a restored backup, is no key here.
        private static func key(_ kept: [UInt8]) throws(ProofKeyError) -> SecureEnclave.P256.Signing.PrivateKey {
            guard let key = try? SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: Data(kept)) else {
                throw .lost
            }
            return key
        }
    }
#endif
