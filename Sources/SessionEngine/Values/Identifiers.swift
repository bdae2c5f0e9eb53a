import Foundations
import LosslessJSON

/// The name of one signed-in device's session; not a secret, never enough to act as the user.
public struct SessionHandle: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The handle as drivers see it.
    public let rawValue: String

    /// Takes any text that a driver sends; one that names nothing is simply not found.
    public init(_ text: String) {
        self.rawValue = text
    }

    /// A handle that is written in the source, as in a test.
    public init(stringLiteral text: StaticString) { self.init(text.description) }

    /// A new handle: a random UUID, followed by `_<tenant>` off the public tenant (docs/specification/core.md 3.5).
    public static func make(tenant: TenantID, using random: inout some RandomNumberGenerator) -> SessionHandle {
        SessionHandle(deriving: RandomText.bytes(16, using: &random), tenant: tenant)
    }

    /// The handle of 16 bytes, in the same form.
    init(deriving bytes: [UInt8], tenant: TenantID) {
        let uuid = RandomText.uuid(from: bytes)
        self.init(tenant == .public ? uuid : "\(uuid)_\(tenant.rawValue)")
    }

    /// The handle itself.
    public var description: String { rawValue }

    /// Equal in every byte.
    public static func == (left: SessionHandle, right: SessionHandle) -> Bool {
        left.rawValue.isSameText(as: right.rawValue)
    }
    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { rawValue.hashText(into: &hasher) }
}

/// The person a session belongs to, by whatever name the application uses.
public struct UserID: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The longest that is accepted for a new session, in bytes: a refresh token carries it, and cookies are short.
    package static let maximumLength = 1_024

    /// The identifier as the application sent it; the empty text is allowed (docs/specification/core.md 1.0).
    public let rawValue: String

    /// Takes the application's identifier.
    public init(_ text: String) {
        self.rawValue = text
    }

    /// An identifier that is written in the source, as in a test.
    public init(stringLiteral text: StaticString) { self.init(text.description) }

    /// The identifier itself.
    public var description: String { rawValue }

    /// Equal in every byte.
    public static func == (left: UserID, right: UserID) -> Bool { left.rawValue.isSameText(as: right.rawValue) }
    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { rawValue.hashText(into: &hasher) }
}

/// A tenant of an app; `public` is the one that always exists.
public struct TenantID: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The tenant's name, lower-case letters, digits and dashes.
    public let rawValue: String

    /// Takes a tenant's name.
    public init(_ text: String) {
        self.rawValue = text
    }

    /// A tenant that is written in the source.
    public init(stringLiteral text: StaticString) { self.init(text.description) }

    /// The name itself.
    public var description: String { rawValue }

    /// The default tenant.
    public static let `public` = TenantID("public")
}

/// An app: keys, sessions and lists of one app are invisible to every other.
public struct AppID: Sendable, Hashable {
    /// The app's name, lower-case letters, digits and dashes.
    public let rawValue: String

    /// Takes an app's name.
    public init(_ text: String) {
        self.rawValue = text
    }

    /// The default app.
    public static let `public` = AppID("public")
}
