import Crypto
import CryptoExtras
public import SessionEngine

/// Keys that are made once in a process, because RSA keys are dear.
public enum TestKeys {
    /// The bytes of an RSA key, or what went wrong when it was made.
    private static let rsaResult = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    private static let foreignResult = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    private static let p256Key = P256.Signing.PrivateKey()
    private static let foreignP256Key = P256.Signing.PrivateKey()

    /// The RSA key that is trusted.
    public static func rsa() throws -> PrivateSigningKey { .rsa(try rsaResult.get()) }
    /// An RSA key that no one trusts.
    public static func foreignRSA() throws -> PrivateSigningKey { .rsa(try foreignResult.get()) }
    /// The P-256 key that is trusted.
    public static var p256: PrivateSigningKey { .p256(p256Key) }
    /// A P-256 key that no one trusts.
    public static var foreignP256: PrivateSigningKey { .p256(foreignP256Key) }

    /// The trusted key of an algorithm.
    public static func privateKey(_ algorithm: SigningAlgorithm) throws -> PrivateSigningKey {
        switch algorithm {
        case .rs256: try rsa()
        case .es256: p256
        }
    }

    /// A key that no one trusts.
    public static func foreignKey(_ algorithm: SigningAlgorithm) throws -> PrivateSigningKey {
        switch algorithm {
        case .rs256: try foreignRSA()
        case .es256: foreignP256
        }
    }

    /// A signing key around the trusted private key of an algorithm.
    public static func signingKey(
        _ algorithm: SigningAlgorithm, id: String = "d-1600000000000", kind: SigningKeyKind = .dynamic,
        createdAt: Int64 = 1_600_000_000_000
    ) throws -> SigningKey {
        SigningKey(
            id: try keyID(id), kind: kind, createdAt: Timestamp(milliseconds: createdAt),
            privateKey: try privateKey(algorithm))
    }

    /// A key id, or an error for a text that is none.
    public static func keyID(_ text: String) throws -> KeyID {
        guard let id = KeyID(text) else { throw TestSupportError("not a key id: \(text)") }
        return id
    }
}

/// Something that a test needs is not there.
public struct TestSupportError: Error, CustomStringConvertible {
    /// What.
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
