import Foundations
import LosslessJSON

/// The header of an access token V3 or newer.
struct AccessTokenHeader {
    let format: AccessTokenFormat
    /// Whether it names its version, as every access token does; tokens that an application had signed do not.
    let namesVersion: Bool
    let algorithm: SigningAlgorithm
    let keyID: KeyID

    init(format: AccessTokenFormat, algorithm: SigningAlgorithm, keyID: KeyID) {
        self.init(format: format, namesVersion: true, algorithm: algorithm, keyID: keyID)
    }

    private init(format: AccessTokenFormat, namesVersion: Bool, algorithm: SigningAlgorithm, keyID: KeyID) {
        self.format = format
        self.namesVersion = namesVersion
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// Reads a header in the order of checks of docs/specification/core.md 2.6: typ, alg, version, kid.
    init(encoded: ArraySlice<UInt8>) throws(AccessTokenProblem) {
        guard let bytes = Base64.url.decode(encoded), let header = try? JSONValue(parsing: bytes).object else {
            throw .headerUnreadable
        }
        guard let typ = header["typ"] else { throw .headerLacks(.typ) }
        guard typ == "JWT" else { throw .headerMismatch(.typ) }
        guard let alg = header["alg"] else { throw .headerLacks(.alg) }
        guard let algorithm = alg.string.flatMap(SigningAlgorithm.init) else { throw .headerMismatch(.alg) }
        guard let format = Self.format(of: header["version"]) else { throw .headerMismatch(.version) }
        guard let kid = header["kid"] else { throw .headerLacks(.kid) }
        guard let keyID = kid.string.flatMap(KeyID.init) else { throw .headerMismatch(.kid) }
        // Three members are there by now; the version is the only other one there may be.
        let namesVersion = header["version"] != nil
        guard header.count == (namesVersion ? 4 : 3) else { throw .headerNotAllowed }
        self.init(format: format, namesVersion: namesVersion, algorithm: algorithm, keyID: keyID)
    }

    private static func format(of version: JSONValue?) -> AccessTokenFormat? {
        guard let version else { return .newest }
        return version.string.flatMap { text in formats.first { $0.version == text }?.format }
    }

    private static let formats = AccessTokenFormat.allCases.filter { !$0.isLegacy }
        .map { (version: String($0.rawValue), format: $0) }

    /// The encoded header, members in the recorded order (docs/specification/core.md 2.3).
    var encoded: [UInt8] {
        let header: JSONObject = [
            "kid": .string(keyID.rawValue), "typ": "JWT", "version": .string(String(format.rawValue)),
            "alg": .string(algorithm.rawValue),
        ]
        return Base64.url.encode(header.serialized())
    }

    /// The encoded header of V1 and V2, fixed byte for byte.
    static func legacy(_ format: AccessTokenFormat) -> [UInt8] {
        let header: JSONObject = ["alg": "RS256", "typ": "JWT", "version": .string(String(format.rawValue))]
        return Base64.standard.encode(header.serialized())
    }
}
