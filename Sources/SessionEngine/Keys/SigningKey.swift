public import Crypto
public import CryptoExtras
public import Foundations

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The algorithms that sign access tokens (RFC 7518 section 3.1).
///
/// Each key has exactly one (docs/specification/security.md K05).
public enum SigningAlgorithm: String, Sendable, CaseIterable {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a 2048-bit key: what every SDK and every format knows.
    case rs256 = "RS256"
    /// ECDSA with P-256 and SHA-256: thirty times cheaper to sign, for the formats that name their key.
    case es256 = "ES256"
}

/// Whether a key is replaced on schedule or kept.
public enum SigningKeyKind: String, Sendable, CaseIterable {
    /// Replaced on schedule; its id begins with `d-`.
    case dynamic
    /// Never replaced by itself; its id begins with `s-`.
    case `static`

    /// What the ids of its keys begin with.
    package var keyIDPrefix: String {
        switch self {
        case .dynamic: "d-"
        case .static: "s-"
        }
    }
}

/// The name of a key, as tokens and the key set carry it (`kid`).
public struct KeyID: Sendable, Hashable {
    /// The name: letters, digits and dashes, at most 128 (docs/specification/security.md T05).
    public let rawValue: String

    /// Takes a name; `nil` unless it has the grammar of one.
    public init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...128).contains(text.utf8.count) else { return nil }
        self.rawValue = text
    }
}

/// The private half of a signing key, or that it is elsewhere.
public enum PrivateSigningKey: Sendable, Redacted {
    /// An RSA key for RS256.
    case rsa(_RSA.Signing.PrivateKey)
    /// A P-256 key for ES256.
    case p256(P256.Signing.PrivateKey)
    /// A key that a signer outside this process keeps, by its public half (docs/decisions/0050).
    case external(PublicVerificationKey)

    /// The algorithm this key is for.
    public var algorithm: SigningAlgorithm {
        switch self {
        case .rsa: .rs256
        case .p256: .es256
        case .external(let key): key.algorithm
        }
    }

    /// Whether a signer outside this process keeps it.
    public var isExternal: Bool {
        if case .external = self { true } else { false }
    }

    /// Reads a key from PKCS#8 DER.
    ///
    /// - Throws: the cryptographic library's error when the bytes are no such key.
    public init(pkcs8DER bytes: [UInt8], algorithm: SigningAlgorithm) throws {
        self =
            switch algorithm {
            case .rs256: .rsa(try _RSA.Signing.PrivateKey(derRepresentation: bytes))
            case .es256: .p256(try P256.Signing.PrivateKey(derRepresentation: bytes))
            }
    }

    /// The key in PKCS#8 DER; empty where a signer outside this process keeps it.
    ///
    /// A secret.
    public var pkcs8DER: [UInt8] {
        switch self {
        case .rsa(let key): Array(key.pkcs8DERRepresentation)
        case .p256(let key): Array(key.derRepresentation)
        case .external: []
        }
    }

    /// What the bytes of an external key begin with; a private key in DER begins with another byte.
    private static let externalMark = Array("TSX1".utf8)

    /// What storage keeps: the private key in PKCS#8 DER, or a mark and the public half of an external one.
    public var storedBytes: [UInt8] {
        guard case .external(let key) = self else { return pkcs8DER }
        return Self.externalMark + key.spkiDER
    }

    /// Reads what storage keeps.
    ///
    /// - Throws: the cryptographic library's error when the bytes are no such key.
    public init(storedBytes bytes: [UInt8], algorithm: SigningAlgorithm) throws {
        guard Self.isExternal(storedBytes: bytes) else {
            try self.init(pkcs8DER: bytes, algorithm: algorithm)
            return
        }
        self = .external(
            try PublicVerificationKey(spkiDER: Array(bytes.dropFirst(Self.externalMark.count)), algorithm: algorithm))
    }

    /// Whether bytes as storage keeps them are those of an external key.
    public static func isExternal(storedBytes bytes: [UInt8]) -> Bool { bytes.starts(with: externalMark) }

    /// The public half.
    public var publicKey: PublicVerificationKey {
        switch self {
        case .rsa(let key): .rsa(key.publicKey)
        case .p256(let key): .p256(key.publicKey)
        case .external(let key): key
        }
    }
}

/// Makes RSASSA-PKCS1-v1_5 signatures with SHA-256 (RFC 8017 section 8.2) with one private key, in another library than
/// the engine's own.
public protocol RSASigner: Sendable {
    /// The signature, the same as that of any other library.
    func signature(over bytes: [UInt8]) throws(SigningError) -> [UInt8]
    /// Does ahead of the first signature what it would have to wait for.
    func prepare()
}

/// A key that signs access tokens.
///
/// It prints as its id.
public struct SigningKey: Sendable, Redacted {
    /// Its name.
    public let id: KeyID
    /// Whether it is replaced on schedule.
    public let kind: SigningKeyKind
    /// When it was made; a schedule counts from here.
    public let createdAt: Timestamp
    /// Until when its tokens live at least, where that is later than its schedule says; `nil` where it is not.
    public var verifiesUntil: Timestamp?
    /// The key itself.
    public let privateKey: PrivateSigningKey
    /// The half that verifies, computed once.
    public let verificationKey: VerificationKey
    /// The encoded headers of its tokens, the same in all of them.
    private let headers: [AccessTokenFormat: [UInt8]]
    /// What signs instead of the key itself.
    private var signer: (any RSASigner)?
    /// The name of the key at the signer that keeps it; `nil` for one that this process has.
    public let externalName: SignerKeyName?

    public init(id: KeyID, kind: SigningKeyKind, createdAt: Timestamp, privateKey: PrivateSigningKey) {
        self.id = id
        self.kind = kind
        self.createdAt = createdAt
        self.privateKey = privateKey
        self.verificationKey = VerificationKey(id: id, publicKey: privateKey.publicKey)
        let formats = AccessTokenFormat.allCases.map { format in
            let header = AccessTokenHeader(format: format, algorithm: privateKey.algorithm, keyID: id)
            return (format, format.isLegacy ? AccessTokenHeader.legacy(format) : header.encoded)
        }
        headers = Dictionary(formats) { first, _ in first }
        externalName = privateKey.isExternal ? SignerKeyName(of: privateKey.publicKey) : nil
    }

    /// Its one algorithm.
    public var algorithm: SigningAlgorithm { privateKey.algorithm }

    /// The same key, whose signatures another signer makes; a key of another algorithm stays as it is.
    public func signing(by signer: any RSASigner) -> SigningKey {
        var key = self
        if algorithm == .rs256 { key.signer = signer }
        return key
    }

    /// The encoded header of a token of a format.
    func header(of format: AccessTokenFormat) -> [UInt8] { headers[format] ?? [] }

    /// Does ahead of the first signature what it would have to wait for.
    public func prepareToSign() { signer?.prepare() }

    /// Signs bytes; an ES256 signature is r and s, 32 bytes each (RFC 7518 section 3.4).
    ///
    /// - Throws: ``SigningError/cryptographyFailed`` when the library refuses, and for an external key, with which only
    ///   its signer signs.
    public func signature(over bytes: [UInt8]) throws(SigningError) -> [UInt8] {
        if let signer { return try signer.signature(over: bytes) }
        do {
            switch privateKey {
            case .rsa(let key):
                return Array(try key.signature(for: bytes, padding: .insecurePKCS1v1_5).rawRepresentation)
            case .p256(let key): return Array(try key.signature(for: bytes).rawRepresentation)
            case .external: throw SigningError.cryptographyFailed
            }
        } catch {
            throw .cryptographyFailed
        }
    }

    /// The id, never the key.
    public var description: String { "SigningKey(\(id.rawValue))" }
}
