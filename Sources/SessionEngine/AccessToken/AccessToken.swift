public import Foundations
package import LosslessJSON

/// A signed access token as it goes to the client: made here, or received from a core that made it.
///
/// It prints as `<redacted>`.
public struct AccessToken: Sendable, Redacted {
    /// The token as the client holds it.
    ///
    /// Never log it.
    public let exposed: String
    /// The time when it was issued, in the precision of its format.
    public let issuedAt: Timestamp
    /// The expiry time, in the precision of its format.
    public let expiresAt: Timestamp
    private let content: Content

    /// What a token says: known to who made it, read by who received it.
    private enum Content: Sendable {
        case made(AccessTokenClaims)
        case received(UnverifiedAccessToken)
    }

    /// Signs claims.
    ///
    /// - Parameters:
    ///   - claims: the claims, and in which format.
    ///   - key: the key; legacy formats take RSA keys only.
    /// - Throws: ``SigningError`` when the key cannot sign this format or the payload in storage is damaged.
    public init(signing claims: AccessTokenClaims, with key: SigningKey) throws(SigningError) {
        let bytes = try Self.signingInput(of: claims, for: key)
        let signature = try key.signature(over: bytes)
        self.init(claims, signingInput: bytes, signature: signature)
    }

    /// What a signature of claims is made over (RFC 7515 section 5.1).
    ///
    /// - Parameters:
    ///   - claims: the claims, and in which format.
    ///   - key: the key; legacy formats take RSA keys only.
    /// - Throws: ``SigningError`` when the key cannot sign this format or the payload in storage is damaged.
    package static func signingInput(
        of claims: AccessTokenClaims, for key: SigningKey
    ) throws(SigningError) -> [UInt8] {
        guard !claims.format.isLegacy || key.algorithm == .rs256 else { throw .algorithmNotAllowed }
        let payload: [UInt8]
        do { payload = try claims.payload() } catch { throw .payloadDamaged }
        let header = key.header(of: claims.format)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.count + payload.count * 4 / 3 + Self.roomForSignature)
        bytes.append(contentsOf: header)
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: claims.format.base64.encode(payload))
        return bytes
    }

    /// A token of claims that were signed.
    ///
    /// - Parameters:
    ///   - claims: the claims.
    ///   - signingInput: what was signed.
    ///   - signature: its signature.
    package init(_ claims: AccessTokenClaims, signingInput: consuming [UInt8], signature: [UInt8]) {
        var bytes = signingInput
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: claims.format.base64.encode(signature))
        exposed = String(decoding: bytes, as: UTF8.self)
        issuedAt = claims.issuedAt
        expiresAt = claims.expiresAt
        content = .made(claims)
    }

    /// Takes a token that a core elsewhere made, with the times that it tells.
    ///
    /// - Throws: ``AccessTokenProblem`` for anything that is no access token.
    public init(received text: String, issuedAt: Timestamp, expiresAt: Timestamp) throws(AccessTokenProblem) {
        content = .received(try UnverifiedAccessToken(text))
        exposed = text
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    /// The claims of a token that was made here.
    package var madeClaims: AccessTokenClaims? {
        if case .made(let claims) = content { claims } else { nil }
    }

    /// The payload as a front end is shown it: all of it, and of legacy tokens the application's part.
    package var visiblePayload: JSONObject? {
        switch content {
        case .made(let claims): try? claims.format.isLegacy ? claims.userData.decoded() : claims.object()
        case .received(let token): token.visiblePayload
        }
    }

    /// When the token itself says that it ends.
    package var statedExpiry: Timestamp? {
        switch content {
        case .made(let claims): claims.expiresAt
        case .received(let token): token.statedExpiry
        }
    }

    /// The two dots, a signature of 2048 bits in base64 and padding.
    private static let roomForSignature = 360
}

/// Why a token could not be signed.
///
/// None of these can be caused by a request, but that a signer refuses what an application has signed.
public enum SigningError: Error, Sendable, Equatable {
    /// The format needs another kind of key.
    case algorithmNotAllowed
    /// A payload from storage is not JSON any more.
    case payloadDamaged
    /// The cryptographic library refused.
    case cryptographyFailed
    /// The signer outside this process does not answer in time, or has too much to do: the caller may try again.
    case signerUnavailable
    /// The signer outside this process does not sign this, because its rules forbid it.
    case signerRefused
    /// The signer outside this process has no such key.
    case signerLacksKey
}
