package import LosslessJSON
public import SessionEngine

/// How many sessions a user may have at a time (docs/decisions/0040).
public struct SessionLimit: Sendable, Hashable {
    /// What happens when a user who has as many as allowed begins another session.
    public enum Action: String, Sendable, CaseIterable {
        /// The sessions that were begun first end.
        case evictOldest = "EVICT_OLDEST"
        /// The sessions that were not used for the longest time end.
        case evictIdle = "EVICT_IDLE"
        /// No session is begun.
        case refuseNew = "REFUSE_NEW"
    }

    /// Which sessions of a user count together.
    public enum Scope: String, Sendable, CaseIterable {
        /// Those in all tenants of the app.
        case app
        /// Those in the tenant of the new session.
        case tenant
    }

    /// The largest number that can be asked for.
    public static let largest = 10_000

    /// How many, at least 1.
    public var count: Int
    /// What happens when a user who has as many begins another.
    public var action: Action
    /// Which sessions count together.
    public var scope: Scope

    /// Creates a limit.
    ///
    /// - Parameters:
    ///   - count: how many sessions a user may have; a number outside 1 to ``largest`` becomes the nearest one within.
    ///   - action: what happens when a user who has as many begins another.
    ///   - scope: which sessions count together.
    public init(_ count: Int, action: Action = .evictOldest, scope: Scope = .app) {
        self.count = min(max(1, count), Self.largest)
        self.action = action
        self.scope = scope
    }
}

/// What is decided about a new session beside its record, in the step that stores it.
public struct SessionAdmission: Sendable, Equatable {
    /// How many sessions the user may have; `nil` for as many as they like.
    public var limit: SessionLimit?
    /// A session of the same user that ends with this step; one that does not exist changes nothing.
    public var replaced: SessionHandle?
    /// A session of any user that ends with this step: nothing is stored unless it is there as it was read.
    public var predecessor: SessionRecord?
    /// How long sessions live: only those that are alive count.
    public var terms: SessionTerms

    /// Creates an admission.
    ///
    /// - Parameters:
    ///   - limit: how many sessions the user may have.
    ///   - replaced: a session of the same user that ends with this step.
    ///   - predecessor: a session of any user that ends with this step, as it was read.
    ///   - terms: how long sessions live.
    public init(
        limit: SessionLimit? = nil, replaced: SessionHandle? = nil, predecessor: SessionRecord? = nil,
        terms: SessionTerms
    ) {
        self.limit = limit
        self.replaced = replaced
        self.predecessor = predecessor
        self.terms = terms
    }

    /// What came of it.
    public enum Outcome: Sendable, Equatable {
        /// The session was stored, and these ended.
        case created(ended: [SessionHandle])
        /// Nothing was stored: the user has these sessions, the oldest first.
        case refused([SessionHandle])
        /// Nothing was stored: the predecessor is another one by now, or gone.
        case predecessorChanged
    }
}

extension SessionAdmission {
    /// A living session of the user, as far as it matters here.
    package struct Other: Sendable {
        package var handle: SessionHandle
        package var tenant: TenantID
        package var createdAt: Timestamp
        package var rotatedAt: Timestamp?
        package var flags: SessionTraits.Flags

        package init(
            handle: SessionHandle, tenant: TenantID, createdAt: Timestamp, rotatedAt: Timestamp?,
            flags: SessionTraits.Flags
        ) {
            self.handle = handle
            self.tenant = tenant
            self.createdAt = createdAt
            self.rotatedAt = rotatedAt
            self.flags = flags
        }

        package init(_ record: SessionRecord) {
            self.init(
                handle: record.handle, tenant: record.tenantID, createdAt: record.createdAt,
                rotatedAt: record.rotatedAt, flags: record.traits.flags)
        }

        fileprivate func rank(_ action: SessionLimit.Action) -> (Timestamp, String) {
            (action == .evictIdle ? max(createdAt, rotatedAt ?? createdAt) : createdAt, handle.rawValue)
        }
    }

    /// What a storage does that can look at all of a user's sessions within its step.
    package enum Verdict: Sendable {
        /// The session is stored, and these end, each with its event.
        case admitted([(Other, AuditEvent)])
        /// The session is not stored.
        case refused([SessionHandle], AuditEvent)
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - record: the new session.
    ///   - others: the living sessions of its user in all tenants.
    package func decide(on record: SessionRecord, beside others: [Other]) -> Verdict {
        var displaced: [(Other, AuditEvent)] = []
        if let predecessor {
            displaced.append(
                (
                    Other(predecessor),
                    .displaced(
                        predecessor.handle, tenant: predecessor.tenantID, user: predecessor.userID, by: record,
                        .replaced, [:])
                ))
        }
        if let old = others.first(where: { $0.handle == replaced && !$0.flags.contains(.impersonated) }) {
            displaced.append((old, .displaced(old.handle, tenant: old.tenant, by: record, .replaced, [:])))
        }
        guard let limit, Self.counts(record.traits.flags) else { return .admitted(displaced) }
        let counted =
            others.filter { $0.handle != replaced && Self.counts($0.flags) }
            .filter { limit.scope == .app || $0.tenant == record.tenantID }
            .sorted { $0.rank(limit.action) < $1.rank(limit.action) }
        let excess = counted.count - limit.count + 1
        guard excess > 0 else { return .admitted(displaced) }
        if limit.action == .refuseNew {
            return .refused(
                counted.map(\.handle), .refused(record, limit: limit.count, count: counted.count))
        }
        displaced += counted.prefix(excess).map { other in
            (other, .displaced(other.handle, tenant: other.tenant, by: record, .limit, limit.details))
        }
        return .admitted(displaced)
    }

    /// Whether a session counts: not where no user has signed in, and not where another person acts as the user.
    package static func counts(_ flags: SessionTraits.Flags) -> Bool { flags.isDisjoint(with: uncounted) }

    /// The flags of sessions that do not count.
    package static let uncounted: SessionTraits.Flags = [.anonymous, .impersonated]
}

extension SessionLimit {
    /// What the audit event of an eviction says about the limit.
    package var details: JSONObject {
        ["limit": .integer(count), "action": .string(action.rawValue)]
    }
}
