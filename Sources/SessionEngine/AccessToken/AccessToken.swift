public import Foundations
import LosslessJSON

/// A signed access token as it goes to the client.
///
/// It prints as `<redacted>`.
public struct AccessToken: Sendable, Redacted {
    /// The token as the client holds it.
    ///
    /// Never log it.
    public let text: String
    /// When it was made, as far as its format tells.
    public let issuedAt: Timestamp
    /// When it stops being accepted, as far as its format tells.
    public let expiresAt: Timestamp

    /// Signs claims.
    ///
    /// - Parameters:
    ///   - claims: what the token says, and in which format.
    ///   - key: the key; legacy formats take RSA keys only.
    /// - Throws: ``SigningError`` when the key cannot sign this format or the payload in storage is damaged.
    public init(signing claims: AccessTokenClaims, with key: SigningKey) throws(SigningError) {
        guard !claims.format.isLegacy || key.algorithm == .rs256 else { throw .algorithmNotAllowed }
        let payload: [UInt8]
        do { payload = try claims.payload() } catch { throw .payloadDamaged }
        let base64 = claims.format.base64
        let header = key.header(of: claims.format)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.count + payload.count * 4 / 3 + Self.roomForSignature)
        bytes.append(contentsOf: header)
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: base64.encode(payload))
        let signature = try key.signature(over: bytes)
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: base64.encode(signature))
        text = String(decoding: bytes, as: UTF8.self)
        issuedAt = claims.issuedAt
        expiresAt = claims.expiresAt
    }

    /// The two dots, a signature of 2048 bits in base64 and padding.
    private static let roomForSignature = 360
}

/// Why a token could not be signed.
///
/// None of these can be caused by a request.
public enum SigningError: Error, Sendable, Equatable {
    /// The format needs another kind of key.
    case algorithmNotAllowed
    /// A payload from storage is not JSON any more.
    case payloadDamaged
    /// The cryptographic library refused.
    case cryptographyFailed
}
