public import Foundations

/// How long a session may live unused, and how long at all; `nil` is no limit.
public struct SessionLimits: Sendable, Hashable {
    /// The longest time between two activities.
    public var idle: Milliseconds?
    /// The longest time from one full authentication to the next.
    public var absolute: Milliseconds?

    /// No limits.
    public static let none = SessionLimits()

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - idle: the longest time between two activities.
    ///   - absolute: the longest time from one full authentication to the next.
    public init(idle: Milliseconds? = nil, absolute: Milliseconds? = nil) {
        self.idle = idle
        self.absolute = absolute
    }

    /// The shorter one of each two limits: a second source can only tighten what the first one says.
    ///
    /// - Parameter other: the limits of the second source.
    public func tightened(by other: SessionLimits) -> SessionLimits {
        SessionLimits(idle: Self.shorter(idle, other.idle), absolute: Self.shorter(absolute, other.absolute))
    }

    /// Whether there is a limit at all.
    public var isLimited: Bool { idle != nil || absolute != nil }

    private static func shorter(_ left: Milliseconds?, _ right: Milliseconds?) -> Milliseconds? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }
}

/// What is known of a session beside its tokens and its data: how its user was authenticated, what the session itself asked
/// for, and its device.
public struct SessionTraits: Sendable, Hashable {
    /// What a session is, as the bits of one stored number.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// The stored number.
        public let rawValue: Int64

        /// Reads the stored number; bits that this release does not know stay as they are.
        public init(rawValue: Int64) { self.rawValue = rawValue }

        /// The user asked to be remembered.
        public static let remembered = Flags(rawValue: 1)
        /// No user has signed in yet.
        public static let anonymous = Flags(rawValue: 2)
        /// Another person acts as the user.
        public static let impersonated = Flags(rawValue: 4)
    }

    /// When all factors were last checked; `nil` reads as the creation of the session.
    public var authenticatedAt: Timestamp?
    /// The limits that the session asked for itself, before those of the configuration.
    public var limits: SessionLimits
    /// The assurance level, such as `aal2`; `nil` where the application has not said any.
    public var level: String?
    /// The authentication methods by their names in RFC 8176.
    public var methods: [String]
    /// When ``level`` and ``methods`` were last confirmed; `nil` reads as the last full authentication.
    public var levelAt: Timestamp?
    /// What the session is.
    public var flags: Flags
    /// The device it is used on; `nil` where nothing is known.
    public var device: SessionDevice?
    /// The key without whose proof nothing is given for its refresh tokens; `nil` where it is bound to none.
    public var boundKey: BoundKey?

    /// The traits of a session about which nothing was said.
    public static let none = SessionTraits()

    /// Creates traits.
    ///
    /// - Parameters:
    ///   - authenticatedAt: when all factors were last checked.
    ///   - limits: the limits that the session asked for itself.
    ///   - level: the assurance level.
    ///   - methods: the authentication methods.
    ///   - levelAt: when level and methods were last confirmed.
    ///   - flags: what the session is.
    ///   - device: the device it is used on.
    ///   - boundKey: the key that it is bound to.
    public init(
        authenticatedAt: Timestamp? = nil, limits: SessionLimits = .none, level: String? = nil, methods: [String] = [],
        levelAt: Timestamp? = nil, flags: Flags = [], device: SessionDevice? = nil, boundKey: BoundKey? = nil
    ) {
        self.authenticatedAt = authenticatedAt
        self.limits = limits
        self.level = level
        self.methods = methods
        self.levelAt = levelAt
        self.flags = flags
        self.device = device
        self.boundKey = boundKey
    }
}

/// How long sessions live: the configuration of now (docs/decisions/0040).
///
/// Everything that asks whether a session has ended, until when it lives or why it ended asks here; the two storages with
/// SQL have one fragment of the same meaning each.
public struct SessionTerms: Sendable, Hashable {
    /// How long a session lives after a rotation, where no limit is shorter.
    public var validity: Milliseconds
    /// The limits of sessions whose users did not ask to be remembered.
    public var normal: SessionLimits
    /// The limits of sessions whose users did.
    public var remembered: SessionLimits
    /// The longest time between two activities of an anonymous session, beside the limits of all; `nil` is no limit.
    public var anonymousIdle: Milliseconds?

    /// Terms without any limit, for code that judges a session by its stored end alone.
    public static let unlimited = SessionTerms(validity: Milliseconds(.max))

    /// Creates terms.
    ///
    /// - Parameters:
    ///   - validity: how long a session lives after a rotation.
    ///   - normal: the limits of sessions whose users did not ask to be remembered.
    ///   - remembered: the limits of sessions whose users did.
    ///   - anonymousIdle: the longest time between two activities of an anonymous session.
    public init(
        validity: Milliseconds, normal: SessionLimits = .none, remembered: SessionLimits = .none,
        anonymousIdle: Milliseconds? = nil
    ) {
        self.validity = validity
        self.normal = normal
        self.remembered = remembered
        self.anonymousIdle = anonymousIdle
    }

    /// The limits of one session: those of the configuration, tightened by what the session asked for.
    ///
    /// - Parameter traits: the session's.
    public func limits(of traits: SessionTraits) -> SessionLimits {
        let limits = (traits.flags.contains(.remembered) ? remembered : normal).tightened(by: traits.limits)
        guard traits.flags.contains(.anonymous) else { return limits }
        return limits.tightened(by: SessionLimits(idle: anonymousIdle))
    }

    /// The life of an access token of one session: a fifth of its idle limit, at least a minute and at most as configured.
    ///
    /// Activity is seen only where tokens are exchanged, so a user who acts at least every 4/5 of the limit stays signed in.
    ///
    /// - Parameters:
    ///   - configured: the life without an idle limit.
    ///   - traits: the session's.
    public func accessTokenLife(_ configured: Milliseconds, of traits: SessionTraits) -> Milliseconds {
        guard let idle = limits(of: traits).idle else { return configured }
        return min(configured, max(.seconds(60), Milliseconds(idle.count / 5_000 * 1_000)))
    }

    /// The latest authentication time with which a session has reached an absolute limit, for storages: a session whose
    /// time is not later than this has ended.
    ///
    /// - Parameters:
    ///   - limit: the limit.
    ///   - now: the time.
    package static func floor(of limit: Milliseconds, at now: Timestamp) -> Timestamp {
        Timestamp(milliseconds: (now.sinceEpoch - limit).count)
    }
}

extension SessionRecord {
    /// When the session was used last, as far as storage knows it: at its creation or at a rotation.
    ///
    /// Verifying a token writes nothing, so it may be behind by an access token's life.
    public var lastSeen: Timestamp { max(createdAt, rotatedAt ?? createdAt, traits.levelAt ?? createdAt) }

    /// When all factors were last checked.
    public var authenticatedAt: Timestamp { traits.authenticatedAt ?? createdAt }

    /// Whether the session has ended: at the stored end, or at the absolute limit of now, whichever is earlier.
    ///
    /// A limit that was shortened counts at once; a session is alive one millisecond before its end and not at it.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - terms: the configuration of now.
    public func isExpired(at now: Timestamp, within terms: SessionTerms) -> Bool {
        if expiresAt <= now { return true }
        guard let absolute = terms.limits(of: traits).absolute else { return false }
        return authenticatedAt <= SessionTerms.floor(of: absolute, at: now)
    }

    /// The end of the session if nothing happens after an activity at `now`.
    ///
    /// - Parameters:
    ///   - now: the time of the activity.
    ///   - terms: the configuration of now.
    public func end(ifActiveAt now: Timestamp, within terms: SessionTerms) -> Timestamp {
        let limits = terms.limits(of: traits)
        let idle = now + min(limits.idle ?? terms.validity, terms.validity)
        return limits.absolute.map { min(idle, authenticatedAt + $0) } ?? idle
    }

    /// The session after an activity, with its new end.
    ///
    /// - Parameters:
    ///   - now: the time of the activity.
    ///   - terms: the configuration of now.
    func active(at now: Timestamp, within terms: SessionTerms) -> SessionRecord {
        var record = self
        record.expiresAt = end(ifActiveAt: now, within: terms)
        return record
    }

    /// Which limit ends the session, and when.
    ///
    /// - Parameter terms: the configuration of now.
    package func expiry(within terms: SessionTerms) -> SessionExpiry {
        let limits = terms.limits(of: traits)
        if let absolute = limits.absolute, authenticatedAt + absolute <= expiresAt {
            return SessionExpiry(reason: .absolute, endedAt: authenticatedAt + absolute, span: absolute)
        }
        let isIdle = limits.idle.map { $0 < terms.validity } ?? false
        return SessionExpiry(
            reason: isIdle ? .idle : .validity, endedAt: expiresAt, span: isIdle ? limits.idle : nil)
    }
}

/// Why and when a session ended by itself.
package struct SessionExpiry: Sendable, Hashable {
    /// The limit that was reached.
    package enum Reason: String, Sendable, CaseIterable {
        /// The session was not used for too long.
        case idle
        /// The longest time since its user was authenticated has passed.
        case absolute
        /// The refresh token was not used before its end.
        case validity
    }

    /// The limit that was reached.
    package var reason: Reason
    /// When; the audit event may be written hours later.
    package var endedAt: Timestamp
    /// How long the limit is; `nil` for the validity of the refresh token.
    package var span: Milliseconds?
}
