#if OpenSSL
    import CryptoExtras
    import SessionEngine
    import Synchronization

    #if canImport(FoundationEssentials)
        import FoundationEssentials
    #else
        import Foundation
    #endif

    typealias RSAPrivateKey = _RSA.Signing.PrivateKey

    extension RSAPrivateKey {
        /// RSASSA-PKCS1-v1_5 with SHA-256 by swift-crypto.
        func signature(over bytes: [UInt8]) throws(SigningError) -> [UInt8] {
            do {
                return Array(try signature(for: bytes, padding: .insecurePKCS1v1_5).rawRepresentation)
            } catch {
                throw .cryptographyFailed
            }
        }
    }

    /// Signs with one key by the library that is chosen when it first signs, so that neither a start nor a key that only
    /// verifies pays for it.
    final class DeferredRSASigner: RSASigner {
        private enum Library {
            case own
            case other(OpenSSLKey)
            case none
        }

        private let own: RSAPrivateKey
        private let signers: RSASigners
        private let library = Mutex<Library?>(nil)

        init(_ own: RSAPrivateKey, _ signers: RSASigners) {
            self.own = own
            self.signers = signers
        }

        func prepare() { _ = opened() }

        func signature(over bytes: [UInt8]) throws(SigningError) -> [UInt8] {
            switch opened() {
            case .own: return try own.signature(over: bytes)
            case .other(let key): return try key.signature(over: bytes)
            case .none: throw .cryptographyFailed
            }
        }

        private func opened() -> Library {
            library.withLock { library in
                if let library { return library }
                let opened = open()
                library = opened
                return opened
            }
        }

        private func open() -> Library {
            if signers.chosen?.provider == .boringssl { return .own }
            let other = OpenSSLKey(pkcs8DER: Array(own.pkcs8DERRepresentation))
            guard signers.prefers(other, to: own) else { return .own }
            if let other { return .other(other) }
            return signers.allowsOther ? .own : .none
        }
    }
#endif
