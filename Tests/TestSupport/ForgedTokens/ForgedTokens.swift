public import SessionEngine

/// A corpus of forged, damaged and hostile access tokens around one valid token
/// (docs/specification/security.md T01 to T08).
///
/// It needs the key that signed the valid token, because many cases are *properly signed* and wrong all the same. It
/// knows nothing of the verifier, so it can be sent to the engine and to a live server alike.
public struct ForgedTokens: Sendable {
    /// One token with what has to become of it.
    public struct Case: Sendable, CustomStringConvertible {
        /// What is wrong with it.
        public let name: String
        /// The token as it is presented.
        public let token: String
        /// Whether it has to be accepted: a few cases mark the edge from the good side.
        public let isAcceptable: Bool

        /// For the name of a test.
        public var description: String { name }
    }

    let forge: Forge

    /// Takes what a forger may have.
    ///
    /// - Parameters:
    ///   - key: the trusted key that signed `validToken`.
    ///   - validToken: an unexpired access token V5.
    ///   - refreshToken: a refresh token of the same session.
    ///   - now: the verifier's time, for expiry claims around it.
    public init(key: SigningKey, validToken: String, refreshToken: String, now: Timestamp) throws {
        forge = try Forge(key: key, validToken: validToken, refreshToken: refreshToken, now: now)
    }

    /// All cases; their names differ.
    public func cases() throws -> [Case] {
        let groups = try [
            noneAlgorithms(), hmacAlgorithms(), otherAlgorithms(), algorithmTypes(), embeddedKeys(), keyIDs(),
            extraHeaderMembers(), duplicateHeaderMembers(), versions(), types(), headerShapes(), shapes(),
            payloadShapes(), hostileExpiries(), ambiguousExpiries(), hostileIssueTimes(), wrongClaims(),
            legacyForgeries(), signedLegacyForgeries(),
            damagedSignatures(), ellipticCurveSignatures(), base64Variants(), foreignKeys(), otherKinds(),
            randomDamage(),
        ]
        return groups.flatMap { $0 }
    }
}

/// The forger's tools.
struct Forge: Sendable {
    let key: SigningKey
    let valid: String
    let refreshToken: String
    let header: RawObject
    let payload: RawObject
    let parts: [String]
    let nowSeconds: Int64

    init(key: SigningKey, validToken: String, refreshToken: String, now: Timestamp) throws {
        self.key = key
        self.valid = validToken
        self.refreshToken = refreshToken
        self.nowSeconds = now.wholeSeconds
        parts = validToken.split(separator: ".").map(String.init)
        guard parts.count == 3 else { throw TestSupportError("the valid token has not three parts") }
        header = try RawObject(encoded: parts[0])
        payload = try RawObject(encoded: parts[1])
    }

    /// A case that has to be refused.
    func refused(_ name: String, _ token: String) -> ForgedTokens.Case {
        ForgedTokens.Case(name: name, token: token, isAcceptable: false)
    }

    /// A case that has to be accepted.
    func accepted(_ name: String, _ token: String) -> ForgedTokens.Case {
        ForgedTokens.Case(name: name, token: token, isAcceptable: true)
    }

    /// A token of these texts, signed by a key (by default the trusted one).
    func signed(header: String, payload: String? = nil, by other: PrivateSigningKey? = nil) throws -> String {
        try signed(headerBytes: Array(header.utf8), payloadBytes: Array((payload ?? self.payload.text).utf8), by: other)
    }

    /// A token of the valid header and this payload, signed by the trusted key.
    func signed(payload: String) throws -> String { try signed(header: header.text, payload: payload) }

    func signed(
        headerBytes: [UInt8], payloadBytes: [UInt8], by other: PrivateSigningKey? = nil
    ) throws -> String {
        let input = WireText.base64URL(headerBytes) + "." + WireText.base64URL(payloadBytes)
        return input + "." + WireText.base64URL(try (other ?? key.privateKey).wireSignature(over: Array(input.utf8)))
    }

    /// A token of these texts with a signature computed elsewhere.
    func token(header: String, signature: ([UInt8]) throws -> [UInt8]) rethrows -> String {
        let input = WireText.base64URL(header) + "." + parts[1]
        return input + "." + WireText.base64URL(try signature(Array(input.utf8)))
    }
}
