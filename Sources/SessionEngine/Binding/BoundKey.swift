import Crypto
import Foundations

/// The key to which a session is bound: without what proves it nothing is given for the session's refresh tokens.
///
/// One column has it, and a release that does not know the form of a key reads it as that of no client: it gives nothing.
public enum BoundKey: Sendable, Hashable {
    /// A key of a client that proves it with each request, by the thumbprint (RFC 9449).
    case thumbprint(KeyThumbprint)
    /// A key in the device of a browser (Device Bound Session Credentials).
    case device(DeviceKey)

    /// Takes what is stored; a text that is no key is that of none that can be proved.
    public init(stored: String) {
        self = DeviceKey(stored: stored).map(BoundKey.device) ?? .thumbprint(KeyThumbprint(stored: stored))
    }

    /// The key as it is stored.
    public var rawValue: String {
        switch self {
        case .thumbprint(let key): key.rawValue
        case .device(let key): key.rawValue
        }
    }

    /// How the key is proved.
    public var kind: Kind {
        switch self {
        case .thumbprint: .dpop
        case .device: .dbsc
        }
    }

    /// How a key is proved, by the names that lists of devices have.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// By a proof with each request (RFC 9449).
        case dpop
        /// By a cookie of a few minutes, which the browser gets for a proof (Device Bound Session Credentials).
        case dbsc
    }
}

/// The public P-256 key of a browser's device; proofs for a new bound cookie do not carry it.
public struct DeviceKey: Sendable, Hashable {
    /// The key as it is stored: `dbsc.` and base64url of its point, 64 bytes.
    public let rawValue: String

    private static let prefix = "dbsc."

    /// Takes what is stored; `nil` for a key of another kind.
    ///
    /// A damaged one is that of no device.
    init?(stored: String) {
        guard stored.hasPrefix(Self.prefix) else { return nil }
        rawValue = stored
    }

    init(_ key: P256.Signing.PublicKey) {
        rawValue = Self.prefix + Base64.url.encodedText(Array(key.rawRepresentation))
    }

    /// The key; `nil` where what is stored is damaged.
    var publicKey: P256.Signing.PublicKey? {
        guard let point, point.count == 64 else { return nil }
        return try? P256.Signing.PublicKey(rawRepresentation: point)
    }

    private var point: [UInt8]? { Base64.url.decode(rawValue.dropFirst(Self.prefix.count).utf8) }

    /// The thumbprint of the key (RFC 7638); of a damaged one, what is stored.
    package var thumbprint: KeyThumbprint {
        guard let point, point.count == 64 else { return KeyThumbprint(stored: rawValue) }
        return KeyThumbprint(
            x: Base64.url.encodedText(Array(point.prefix(32))), y: Base64.url.encodedText(Array(point.suffix(32))))
    }
}
