public import Foundations
public import SessionEngine

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

/// A session as its user knows it: a device on which they are signed in.
///
/// It prints as `<redacted>`: where a user was is personal data.
public struct Device: Sendable, Hashable, Redacted {
    /// The session.
    public var handle: SessionHandle
    /// Whose it is.
    public var userID: UserID
    /// The tenant it belongs to.
    public var tenantID: TenantID
    /// What to show: the name that the user or the application gave, else what the `User-Agent` field says, such as
    /// `Firefox on Linux`; `Unknown device` where nothing is known.
    public var label: String
    /// The `User-Agent` field, where it is kept.
    public var userAgent: String?
    /// The address of the sign-in, or its network, where it is kept.
    public var firstAddress: String?
    /// The address of the last refresh, or its network, where it is kept.
    public var lastAddress: String?
    /// Where the device was, as two letters, where the application said it and it is kept.
    public var country: String?
    /// When the session was begun.
    public var createdAt: Date
    /// When it was used last; behind by an access token's life at most.
    public var lastSeenAt: Date
    /// When it ends unless it is used.
    public var expiresAt: Date
    /// When all factors were checked last.
    public var authenticatedAt: Date
    /// The assurance level, such as `aal2`, where the application has said one.
    public var level: String?
    /// Whether the user asked to be remembered there.
    public var isRemembered: Bool
    /// Whether another person acts as the user.
    public var isImpersonated: Bool
    /// How the key is proved that the session is bound to; `nil` where it is bound to none (docs/dbsc.md, docs/dpop.md).
    public var binding: BoundKey.Kind?

    /// The answer of a backend of your own.
    public init(
        handle: SessionHandle, userID: UserID, tenantID: TenantID = .public, label: String, createdAt: Date,
        lastSeenAt: Date, expiresAt: Date
    ) {
        self.handle = handle
        self.userID = userID
        self.tenantID = tenantID
        self.label = label
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
        authenticatedAt = createdAt
        isRemembered = false
        isImpersonated = false
    }

    /// What storage has.
    package init(_ record: SessionRecord, within terms: SessionTerms) {
        let (device, traits) = (record.traits.device ?? SessionDevice(), record.traits)
        self.init(
            handle: record.handle, userID: record.namedUserID, tenantID: record.tenantID, label: device.label,
            createdAt: record.createdAt.date, lastSeenAt: record.lastSeen.date,
            expiresAt: record.expiry(within: terms).endedAt.date)
        (userAgent, country) = (device.userAgent, device.country)
        (firstAddress, lastAddress) = (device.firstAddress, device.lastAddress)
        (authenticatedAt, level) = (record.authenticatedAt.date, traits.level)
        isRemembered = traits.flags.contains(.remembered)
        isImpersonated = traits.flags.contains(.impersonated)
        binding = traits.boundKey?.kind
    }
}

/// A page of a user's devices.
public struct DevicePage: Sendable {
    /// The devices, the newest session first.
    public var devices: [Device]
    /// What asks for the next page; `nil` when this is the last one.
    public var next: String?

    /// The answer of a backend of your own.
    public init(devices: [Device], next: String? = nil) {
        self.devices = devices
        self.next = next
    }
}

/// A backend that knows the devices of sessions: both of Tessera's do, with this project's core.
///
/// Every call takes the user, and neither shows nor changes a session of another.
public protocol DeviceBackend: SessionBackend {
    /// A page of a user's devices, the newest session first.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - cursor: what the page before said; `nil` for the first page.
    ///   - limit: how many at most, 1 to 500.
    /// - Throws: ``SessionError/badInput(_:)`` for a cursor that this app has not made;
    ///   ``SessionError/misconfigured(_:)`` where the core knows no devices; an internal error.
    func devices(
        of user: UserID, tenant: TenantID?, after cursor: String?, limit: Int
    ) async throws(SessionError) -> DevicePage

    /// Names the device of a session; an empty name takes it back.
    ///
    /// - Returns: whether the user has such a session.
    /// - Throws: as ``devices(of:tenant:after:limit:)``.
    func nameDevice(_ label: String, of handle: SessionHandle, of user: UserID) async throws(SessionError) -> Bool

    /// Ends some of a user's sessions; those of others are passed over.
    ///
    /// - Returns: the handles of those that were ended.
    /// - Throws: as ``devices(of:tenant:after:limit:)``.
    func revoke(
        _ handles: [SessionHandle], of user: UserID, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle]

    /// Ends all of a user's sessions but one.
    ///
    /// - Returns: the handles of those that were ended.
    /// - Throws: ``SessionError/badInput(_:)`` where `kept` is no session of the user, and nothing has ended; else as
    ///   ``devices(of:tenant:after:limit:)``.
    func revokeOthers(
        of user: UserID, tenant: TenantID?, except kept: SessionHandle, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle]

    /// Forgets what is known about all devices of a user; the sessions stay.
    ///
    /// - Returns: of how many sessions something was known.
    /// - Throws: as ``devices(of:tenant:after:limit:)``.
    func forgetDevices(of user: UserID) async throws(SessionError) -> Int
}
