import CryptoExtras
public import LosslessJSON
public import SessionEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The contents of `tokens.json`: fixed and recorded tokens with the keys that verify them.
public struct TokenVectors: Sendable {
    /// An access token that a real core made.
    public struct Recorded: Sendable, CustomStringConvertible {
        /// Its place in the file.
        public let number: Int
        /// The release of the core.
        public let core: String
        /// The call that gave it.
        public let request: String
        /// `2` to `5`.
        public let tokenVersion: String
        /// The token.
        public let accessToken: String
        /// The refresh token that came with it, if one did.
        public let refreshToken: String?
        /// The key that verifies it.
        public let key: VerificationKey

        /// For the name of a test.
        public var description: String { "\(number): core \(core) \(request) V\(tokenVersion)" }
    }

    /// The whole document.
    public let document: JSONObject
    /// The recorded tokens.
    public let recorded: [Recorded]

    /// Reads the file.
    public init(_ data: Data) throws {
        let limits = JSONLimits(bytes: 1 << 24)
        guard let object = try JSONValue(parsing: data, limits: limits).object,
            let list = object["recorded"]?.array
        else { throw TestSupportError("tokens.json has another shape") }
        document = object
        recorded = try list.enumerated().map { number, value in
            guard let entry = value.object else { throw TestSupportError("recorded \(number) is no object") }
            return try Self.recorded(entry, number: number)
        }
    }

    /// A text by its path.
    public func text(_ path: String...) throws -> String {
        var value: JSONValue? = .object(document)
        for name in path { value = value?.object?[name] }
        guard let text = value?.string else { throw TestSupportError("tokens.json lacks \(path)") }
        return text
    }

    /// The fixed RSA key pair.
    public func ownKey(id: String = "d-1600000000000") throws -> SigningKey {
        let bytes = try WireText.decode(try text("own", "rsa_private_pkcs8_b64"))
        let key = try PrivateSigningKey(pkcs8DER: bytes, algorithm: .rs256)
        let time = Timestamp(milliseconds: 1_600_000_000_000)
        return SigningKey(id: try TestKeys.keyID(id), kind: .dynamic, createdAt: time, privateKey: key)
    }

    private static func recorded(_ entry: JSONObject, number: Int) throws -> Recorded {
        func text(_ name: String) throws -> String {
            guard let text = entry[name]?.string else { throw TestSupportError("recorded \(number) lacks \(name)") }
            return text
        }
        guard let key = entry["key"]?.object else { throw TestSupportError("recorded \(number) lacks key") }
        return Recorded(
            number: number, core: try text("core"), request: try text("request"),
            tokenVersion: try text("tokenVersion"), accessToken: try text("accessToken"),
            refreshToken: entry["refreshToken"]?.string, key: try verificationKey(key))
    }

    private static func verificationKey(_ key: JSONObject) throws -> VerificationKey {
        if let spki = key["spki_b64"]?.string {
            let publicKey = try _RSA.Signing.PublicKey(derRepresentation: try WireText.decode(spki))
            return VerificationKey(id: try TestKeys.keyID("legacy"), publicKey: .rsa(publicKey))
        }
        guard let jwk = key["jwk"]?.object, let id = jwk["kid"]?.string, let modulus = jwk["n"]?.string,
            let exponent = jwk["e"]?.string
        else { throw TestSupportError("a recorded key has another shape") }
        let publicKey = try _RSA.Signing.PublicKey(n: try WireText.decode(modulus), e: try WireText.decode(exponent))
        return VerificationKey(id: try TestKeys.keyID(id), publicKey: .rsa(publicKey))
    }
}
