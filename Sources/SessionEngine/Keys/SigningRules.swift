package import Foundations
import LosslessJSON

/// What a signer outside the core signs: tokens of the key that they name, of now, and of no long life.
///
/// It cannot know whether claims are true; it sees to it that what is signed for an intruder ends soon after they are
/// thrown out (docs/decisions/0050).
package struct SigningRules: Sendable {
    /// The longest life of a token.
    package var longestLife: Milliseconds
    /// How far the time of a token may be from now.
    package var tolerance: Milliseconds
    /// Whether security events are signed too: they have no end, and report what happened before (docs/decisions/0049).
    package var allowsEvents: Bool

    package init(longestLife: Milliseconds, tolerance: Milliseconds = .seconds(60), allowsEvents: Bool = false) {
        self.longestLife = longestLife
        self.tolerance = tolerance
        self.allowsEvents = allowsEvents
    }

    /// Why something is not signed.
    package enum Refusal: String, Error, Sendable, CaseIterable {
        /// It is no signing input of a JWS with a JSON object.
        case malformed
        /// The header is not that of a token of this key.
        case header
        /// It has claims that such a token has not.
        case claims
        /// The token is not of now.
        case issuedAt = "issued-at"
        /// It lives too long, or not at all.
        case lifetime
    }

    /// Looks at what is to be signed.
    ///
    /// - Parameters:
    ///   - input: the signing input (RFC 7515 section 5.1).
    ///   - key: the name of the key that is to sign.
    ///   - algorithm: its algorithm.
    ///   - now: the time.
    /// - Throws: ``Refusal``.
    package func check(
        _ input: [UInt8], by key: KeyID, _ algorithm: SigningAlgorithm, at now: Timestamp
    ) throws(Refusal) {
        guard let dot = input.firstIndex(of: UInt8(ascii: ".")) else { throw .malformed }
        let (header, body) = (input[..<dot], input[(dot + 1)...])
        let kind = try kind(of: header, key, algorithm)
        let format = kind.format
        guard let bytes = format.base64.decode(body), let claims = try? JSONValue(parsing: bytes).object else {
            throw .malformed
        }
        // What others than readers of access tokens read says nothing else: no `exp` or `scope` of an intruder's.
        if let names = kind.names, !names.isSuperset(of: claims.names) { throw .claims }
        if kind.isEvent, claims["events"]?.object?.count != 1 { throw .claims }
        if case .securityEvent = kind { try checkPast(claims, now) } else { try checkTimes(claims, format, now) }
    }

    private func checkPast(_ claims: JSONObject, _ now: Timestamp) throws(Refusal) {
        guard let issuedAt = Self.number(claims["iat"]) else { throw .issuedAt }
        guard issuedAt * 1_000 <= Double(now.milliseconds + tolerance.count) else { throw .issuedAt }
    }

    private func checkTimes(
        _ claims: JSONObject, _ format: AccessTokenFormat, _ now: Timestamp
    ) throws(Refusal) {
        let names = format.isLegacy ? ("timeCreated", "expiryTime") : ("iat", "exp")
        let unit = format.isLegacy ? 1.0 : 1_000.0
        guard let issuedAt = Self.number(claims[names.0]), let expiresAt = Self.number(claims[names.1]) else {
            throw .lifetime
        }
        guard abs(issuedAt * unit - Double(now.milliseconds)) <= Double(tolerance.count) + unit else { throw .issuedAt }
        let life = (expiresAt - issuedAt) * unit
        guard life > 0, life <= Double(longestLife.count) + unit else { throw .lifetime }
    }

    /// What is signed.
    private enum Kind {
        /// An access token, or what an application has signed.
        case token(AccessTokenFormat)
        case securityEvent
        case logout

        var format: AccessTokenFormat { if case .token(let format) = self { format } else { .newest } }

        var isEvent: Bool { if case .token = self { false } else { true } }

        /// The only names of claims that it has; `nil` where an application adds its own.
        ///
        /// A legacy token nests them, and other readers would take `exp` for its end.
        var names: Set<String>? {
            switch self {
            case .token(let format): format.isLegacy ? Set(format.claims.map(\.name)) : nil
            case .securityEvent: EventToken.setNames
            case .logout: EventToken.logoutNames
            }
        }
    }

    /// What a header is that of.
    private func kind(
        of header: ArraySlice<UInt8>, _ key: KeyID, _ algorithm: SigningAlgorithm
    ) throws(Refusal) -> Kind {
        for format in AccessTokenFormat.allCases where format.isLegacy && algorithm == .rs256 {
            if header.elementsEqual(AccessTokenHeader.legacy(format)) { return .token(format) }
        }
        if allowsEvents, let kind = Self.eventKind(of: header, key, algorithm) { return kind }
        guard let read = try? AccessTokenHeader(encoded: header), read.keyID == key, read.algorithm == algorithm,
            !read.format.isLegacy
        else { throw .header }
        return .token(read.format)
    }

    private static func eventKind(
        of header: ArraySlice<UInt8>, _ key: KeyID, _ algorithm: SigningAlgorithm
    ) -> Kind? {
        guard let bytes = Base64.url.decode(header), let object = try? JSONValue(parsing: bytes).object,
            object.count == 3, object["kid"]?.string == key.rawValue, object["alg"]?.string == algorithm.rawValue
        else { return nil }
        switch object["typ"]?.string {
        case EventToken.setType?: return .securityEvent
        case EventToken.logoutType?: return .logout
        default: return nil
        }
    }

    private static func number(_ value: JSONValue?) -> Double? {
        value?.number.flatMap { Double($0.text) }.flatMap { $0.isFinite ? $0 : nil }
    }
}
