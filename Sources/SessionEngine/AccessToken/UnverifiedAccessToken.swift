public import Foundations
package import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A parsed access token; its claims are available only after signature verification.
///
/// This is a strict parser for the few forms that Tessera and the cores before it sign, not a JOSE library: three
/// parts, strict base64, a header with at most `typ`, `alg`, `version` and `kid`
/// (docs/specification/security.md T01 to T07).
public final class UnverifiedAccessToken: Sendable, Redacted {
    /// The longest token that is looked at, in bytes.
    public static let maximumLength = 64 * 1024

    enum KeyChoice: Sendable {
        /// A legacy token names no key: any RSA key that still verifies may have signed it.
        case anyRSAKey
        case named(KeyID, SigningAlgorithm)
    }

    let format: AccessTokenFormat
    let keyChoice: KeyChoice
    /// Whether its header says that it is an access token; an application-signed JWT is not one, whatever it contains.
    let isMarked: Bool
    let signedBytes: [UInt8]
    /// The payload as it was found; `nil` where it is no JSON object.
    let object: JSONObject?
    /// Its claims, not to be disclosed before the signature has been verified.
    private let stated: Result<AccessTokenClaims, AccessTokenProblem>
    let signature: [UInt8]

    /// Takes a token apart.
    ///
    /// - Throws: ``AccessTokenProblem`` for anything that is not one of the known forms.
    public init(_ text: String) throws(AccessTokenProblem) {
        guard text.utf8.count <= Self.maximumLength else { throw .malformed }
        let bytes = Array(text.utf8)
        guard let dots = Self.dots(in: bytes) else { throw .malformed }
        let parts = (bytes[..<dots.0], bytes[(dots.0 + 1)..<dots.1], bytes[(dots.1 + 1)...])
        if let legacy = Self.legacyHeaders.first(where: { $0.bytes.elementsEqual(parts.0) }) {
            format = legacy.format
            keyChoice = .anyRSAKey
            isMarked = true
        } else {
            let header = try AccessTokenHeader(encoded: parts.0)
            format = header.format
            keyChoice = .named(header.keyID, header.algorithm)
            isMarked = header.namesVersion
        }
        let base64 = format.base64
        guard let payload = base64.decode(parts.1) else { throw .malformed }
        guard let signature = base64.decode(parts.2) else { throw format.isLegacy ? .signatureInvalid : .malformed }
        let object = try? JSONValue(parsing: payload).object
        self.object = object
        do throws(AccessTokenProblem) {
            stated = .success(try AccessTokenClaims(object: object, format: format))
        } catch {
            stated = .failure(error)
        }
        self.signature = signature
        self.signedBytes = Array(bytes[..<parts.1.endIndex])
    }

    /// The claims, once one of the trusted keys is found to have signed them.
    ///
    /// - Parameter keys: the keys that verify at this time.
    /// - Throws: ``AccessTokenProblem``. Expiry is the caller's to check (``AccessTokenClaims/isExpired(at:)``).
    public func claims(verifiedBy keys: VerificationKeys) throws(AccessTokenProblem) -> AccessTokenClaims {
        switch keyChoice {
        case .anyRSAKey:
            let signed = keys.all.contains { $0.algorithm == .rs256 && $0.accepts(signature, over: signedBytes) }
            guard signed else { throw .signatureInvalid }
        case .named(let id, let algorithm):
            guard let key = keys[id] else { throw .unknownKey }
            guard key.algorithm == algorithm else { throw .headerMismatch(.alg) }
            guard key.accepts(signature, over: signedBytes) else { throw .signatureInvalid }
        }
        let claims = try stated.get()
        guard isMarked else { throw .headerLacks(.version) }
        return claims
    }

    /// The name of the key in the header; `nil` for legacy tokens.
    ///
    /// It may be used to look for a key, never to accept a token.
    package var keyID: KeyID? {
        guard case .named(let id, _) = keyChoice else { return nil }
        return id
    }

    /// The kind of key that the header names; `nil` for legacy tokens, which name none.
    ///
    /// It may be used to refuse a token, never to accept one (docs/specification/security.md B06).
    public var signingKeyKind: SigningKeyKind? {
        guard case .named(let id, _) = keyChoice else { return nil }
        return SigningKeyKind.allCases.first { id.rawValue.hasPrefix($0.keyIDPrefix) }
    }

    /// When the key that the header names was made, as its name says; `nil` where it says nothing.
    ///
    /// It shows whether a key can be newer than the known ones, never whether to accept a token.
    public var keyCreation: Timestamp? {
        let prefix = SigningKeyKind.dynamic.keyIDPrefix
        guard case .named(let id, _) = keyChoice, id.rawValue.hasPrefix(prefix) else { return nil }
        return Int64(id.rawValue.dropFirst(prefix.count)).map(Timestamp.init(milliseconds:))
    }

    /// Whether the payload has all that a session's token has, verified or not: tokens of other issuers do not, and are
    /// no business of ours (docs/specification/sdk.md 2.7).
    public var isSessionToken: Bool {
        guard isMarked else { return false }
        if let kind = object?["stt"], kind != 0, !kind.isNull { return false }
        if case .success = stated { return true }
        return false
    }

    /// The payload as a front end is shown it: all of it, and of legacy tokens the application's part.
    ///
    /// For tokens that were verified, or received from who made them, a moment ago.
    package var visiblePayload: JSONObject? {
        format.isLegacy ? object?["userData"]?.object : object
    }

    /// The expiry time in the token, unverified.
    package var statedExpiry: Timestamp? {
        if case .success(let claims) = stated { claims.expiresAt } else { nil }
    }

    /// The session in the token, unverified: for refusing only (docs/specification/security.md B06).
    package var statedHandle: SessionHandle? {
        if case .success(let claims) = stated { claims.handle } else { nil }
    }

    /// The hash of the refresh token that was issued with it, unverified.
    package var statedRefreshTokenHash: TokenHash? {
        if case .success(let claims) = stated { claims.refreshTokenHash } else { nil }
    }

    /// Where the two dots are; `nil` unless there are exactly two.
    private static func dots(in bytes: [UInt8]) -> (Int, Int)? {
        let dot = UInt8(ascii: ".")
        return bytes.withUnsafeBufferPointer { bytes in
            guard let first = bytes.firstIndex(of: dot), let last = bytes.lastIndex(of: dot), first < last,
                !bytes[(first + 1)..<last].contains(dot)
            else { return nil }
            return (first, last)
        }
    }

    /// The two fixed headers, compared as text like every SDK does (docs/specification/core.md 2.2).
    private static let legacyHeaders = [AccessTokenFormat.v1, .v2].map { format in
        (format: format, bytes: AccessTokenHeader.legacy(format))
    }
}

extension AccessTokenFormat {
    /// The base64 that the parts of this form are written in.
    var base64: Base64 { isLegacy ? .standard : .url }
}
