import LosslessJSON
package import SessionEngine

/// The traits of a session as columns: one list for every storage with SQL.
package struct TraitColumns: Sendable, Equatable {
    package var authenticatedAt: Int64?
    package var absoluteLimit: Int64?
    package var idleLimit: Int64?
    package var level: String?
    package var methods: String?
    package var levelAt: Int64?
    package var flags: Int64?
    package var device: String?
    package var boundKey: String?

    /// The values of a session; those of one about which nothing was said are all NULL.
    package init(_ traits: SessionTraits) {
        authenticatedAt = traits.authenticatedAt?.milliseconds
        absoluteLimit = traits.limits.absolute?.count
        idleLimit = traits.limits.idle?.count
        level = traits.level
        methods = traits.methods.isEmpty ? nil : JSONValue.array(traits.methods.map { .string($0) }).text
        levelAt = traits.levelAt?.milliseconds
        flags = traits.flags.isEmpty ? nil : traits.flags.rawValue
        device = traits.device?.stored
        boundKey = traits.boundKey?.rawValue
    }

    /// Takes what is stored.
    package init(
        authenticatedAt: Int64?, absoluteLimit: Int64?, idleLimit: Int64?, level: String?, methods: String?,
        levelAt: Int64?, flags: Int64?, device: String?,
        boundKey: String?
    ) {
        self.authenticatedAt = authenticatedAt
        self.absoluteLimit = absoluteLimit
        self.idleLimit = idleLimit
        self.level = level
        self.methods = methods
        self.levelAt = levelAt
        self.flags = flags
        self.device = device
        self.boundKey = boundKey
    }

    /// The session's traits.
    ///
    /// Methods that cannot be read are none: they only ever add trust.
    package var traits: SessionTraits {
        let listed = methods.flatMap { try? JSONValue(parsing: $0).array } ?? []
        return SessionTraits(
            authenticatedAt: authenticatedAt.map(Timestamp.init(milliseconds:)),
            limits: SessionLimits(
                idle: idleLimit.map { Milliseconds(max(0, $0)) },
                absolute: absoluteLimit.map { Milliseconds(max(0, $0)) }
            ),
            level: level, methods: listed.compactMap(\.string), levelAt: levelAt.map(Timestamp.init(milliseconds:)),
            flags: SessionTraits.Flags(rawValue: flags ?? 0), device: device.flatMap(SessionDevice.init(stored:)),
            boundKey: boundKey.map(BoundKey.init(stored:)))
    }
}

/// What the audit event of a session that a statement ends says about who acted in it.
package enum ActorColumn {
    /// The details of the event in SQL, over a row of sessions: `{}`, or the actor of an impersonation.
    ///
    /// The actor is the first member of its payload and its names have no braces, so the text up to the first closing one is
    /// cut out: no damaged payload makes a statement fail.
    ///
    /// - Parameters:
    ///   - prefix: what stands before the names of the columns that SuperTokens' table lacks.
    ///   - position: the function that finds a text in another one.
    package static func details(prefix: String = "", position: String = "instr") -> String {
        let start = #"{"act":{"sub":""#
        return """
            CASE WHEN coalesce(\(prefix)flags, 0) & \(SessionTraits.Flags.impersonated.rawValue) <> 0 \
            AND substr(jwt_user_payload, 1, \(start.count)) = '\(start)' \
            THEN substr(jwt_user_payload, 1, \(position)(jwt_user_payload, '}')) || '}' ELSE '{}' END
            """
    }
}

/// The parameters of the SQL fragment that says whether a row of sessions is alive.
///
/// The fragment has the meaning of `SessionRecord.isExpired(at:within:)`: the stored end is to come, and the last full
/// authentication is later than the time with which an absolute limit is reached, that of the configuration and the session's own.
package struct LivenessBounds: Sendable {
    /// The time.
    package let time: Int64
    /// With this authentication time or an earlier one a normal session has ended; `nil` without an absolute limit.
    package let normalFloor: Int64?
    /// The same of a remembered session.
    package let rememberedFloor: Int64?

    package init(at now: Timestamp, within terms: SessionTerms) {
        time = now.milliseconds
        normalFloor = terms.normal.absolute.map { SessionTerms.floor(of: $0, at: now).milliseconds }
        rememberedFloor = terms.remembered.absolute.map { SessionTerms.floor(of: $0, at: now).milliseconds }
    }

    /// The condition in SQL.
    ///
    /// - Parameters:
    ///   - now: the parameter with the time.
    ///   - normal: the parameter with ``normalFloor``.
    ///   - remembered: the parameter with ``rememberedFloor``.
    ///   - prefix: what stands before the names of the columns that SuperTokens' table lacks.
    ///   - largest: the function that gives the larger one of two values.
    package static func condition(
        now: String, normal: String, remembered: String, prefix: String = "", largest: String = "max"
    ) -> String {
        let authenticated = "coalesce(\(prefix)authenticated_at, created_at_time)"
        return """
            (expires_at > \(now) AND coalesce(\(authenticated) > CASE WHEN coalesce(\(prefix)flags, 0) & 1 = 1 \
            THEN \(remembered) ELSE \(normal) END, true) AND (\(prefix)absolute_limit IS NULL \
            OR \(authenticated) > \(largest)(\(now), 0) - \(largest)(\(prefix)absolute_limit, 0)))
            """
    }
}
