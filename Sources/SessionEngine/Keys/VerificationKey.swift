public import Crypto
public import CryptoExtras
import Foundations
public import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The public half of a signing key.
public enum PublicVerificationKey: Sendable {
    /// An RSA key for RS256.
    case rsa(_RSA.Signing.PublicKey)
    /// A P-256 key for ES256.
    case p256(P256.Signing.PublicKey)

    /// The algorithm this key is for.
    public var algorithm: SigningAlgorithm {
        switch self {
        case .rsa: .rs256
        case .p256: .es256
        }
    }

    /// Reads a key from SubjectPublicKeyInfo DER.
    ///
    /// - Throws: the cryptographic library's error when the bytes are no such key, or one of RSA that is too short.
    public init(spkiDER bytes: [UInt8], algorithm: SigningAlgorithm) throws {
        switch algorithm {
        case .rs256: self = .rsa(try _RSA.Signing.PublicKey(derRepresentation: bytes))
        case .es256: self = .p256(try P256.Signing.PublicKey(derRepresentation: bytes))
        }
    }

    /// The key in SubjectPublicKeyInfo DER.
    public var spkiDER: [UInt8] {
        switch self {
        case .rsa(let key): Array(key.derRepresentation)
        case .p256(let key): Array(key.derRepresentation)
        }
    }

    /// The length of its signatures in bytes.
    package var signatureLength: Int {
        switch self {
        case .rsa(let key): key.keySizeInBits / 8
        case .p256: 64
        }
    }
}

/// The name of a key at a signer outside this process: the SHA-256 of its public half in SubjectPublicKeyInfo DER, so that
/// it means the same to both.
public struct SignerKeyName: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// The name of a key.
    public init(of key: PublicVerificationKey) { bytes = Array(SHA256.hash(data: key.spkiDER)) }

    /// Takes a name; `nil` unless it has 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// In hexadecimal digits.
    public var description: String { Hex.encode(bytes) }
}

/// A key that verifies access tokens, bound to one algorithm.
public struct VerificationKey: Sendable {
    /// Its name.
    public let id: KeyID
    /// The key itself.
    public let publicKey: PublicVerificationKey
    /// Shared by the copies of this value.
    private let verified = VerifiedSignatures()

    public init(id: KeyID, publicKey: PublicVerificationKey) {
        self.id = id
        self.publicKey = publicKey
    }

    /// Its one algorithm.
    public var algorithm: SigningAlgorithm { publicKey.algorithm }

    /// The key in SubjectPublicKeyInfo DER and standard base64, without PEM armour: what SDKs before CDI 2.21 get.
    public var spkiBase64: String { Base64.standard.encodedText(publicKey.spkiDER) }

    /// Whether this key made a signature over bytes; one that was found good a moment ago is not checked again.
    ///
    /// A signature of any other length than the key's is refused.
    public func accepts(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        let message = SHA256.hash(data: bytes)
        guard signature.count == signatureLength else { return false }
        return verified.accepts(signature, over: message) { checks(signature, over: message) }
    }

    /// The same by the whole calculation, each time.
    package func checks(_ signature: [UInt8], over message: SHA256.Digest) -> Bool {
        guard signature.count == signatureLength else { return false }
        switch publicKey {
        case .rsa(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: message, padding: .insecurePKCS1v1_5)
        case .p256(let key):
            guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: message)
        }
    }

    private var signatureLength: Int { publicKey.signatureLength }

    /// The key as a JWK (RFC 7517), members in the order of docs/specification/core.md 1.7.
    ///
    /// - Throws: the cryptographic library's error; never for a key that it made or read itself.
    public func jwk() throws -> JSONObject {
        let tail: [JSONObject.Member] = [
            .init(name: "alg", value: .string(algorithm.rawValue)), .init(name: "use", value: "sig"),
        ]
        switch publicKey {
        case .rsa(let key):
            let primitives = try key.getKeyPrimitives()
            let head: JSONObject = [
                "kty": "RSA", "kid": .string(id.rawValue), "n": .string(Self.integer(primitives.modulus)),
                "e": .string(Self.integer(primitives.publicExponent)),
            ]
            return JSONObject(head.members + tail)
        case .p256(let key):
            let point = Array(key.rawRepresentation)
            let head: JSONObject = [
                "kty": "EC", "kid": .string(id.rawValue), "crv": "P-256",
                "x": .string(Base64.url.encodedText(point.prefix(32))),
                "y": .string(Base64.url.encodedText(point.suffix(32))),
            ]
            return JSONObject(head.members + tail)
        }
    }

    /// Reads a JWK (RFC 7517) of a key set: an RSA key for RS256 or a P-256 key for ES256, meant for signatures.
    ///
    /// - Returns: `nil` for any other key; a key set may have keys that are no business of ours.
    public init?(jwk: JSONObject) {
        guard let id = jwk["kid"]?.string.flatMap(KeyID.init), jwk["use"] == nil || jwk["use"] == "sig" else {
            return nil
        }
        func bytes(_ name: String) -> [UInt8]? { jwk[name]?.string.flatMap { Base64.url.decode(Array($0.utf8)) } }
        switch (jwk["kty"], jwk["alg"]) {
        case ("RSA", "RS256"):
            guard let modulus = bytes("n"), let exponent = bytes("e"), (256...1_024).contains(modulus.count),
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else { return nil }
            self.init(id: id, publicKey: .rsa(key))
        case ("EC", "ES256"):
            guard jwk["crv"] == "P-256", let x = bytes("x"), let y = bytes("y"), x.count == 32, y.count == 32,
                let key = try? P256.Signing.PublicKey(rawRepresentation: x + y)
            else { return nil }
            self.init(id: id, publicKey: .p256(key))
        default: return nil
        }
    }

    /// An unsigned integer in base64url without a leading zero byte (RFC 7518 section 2).
    private static func integer(_ bytes: some Collection<UInt8>) -> String {
        Base64.url.encodedText(Array(bytes.drop { $0 == 0 }))
    }
}

/// The keys whose tokens are accepted at one moment.
public struct VerificationKeys: Sendable {
    /// In the order in which a legacy token tries them: dynamic newest first, then static.
    public let all: [VerificationKey]
    private let byID: [KeyID: VerificationKey]

    /// Creates a value from keys; their ids differ.
    public init(_ keys: [VerificationKey]) {
        all = keys
        byID = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
    }

    /// The key of exactly that name.
    public subscript(id: KeyID) -> VerificationKey? { byID[id] }
}
