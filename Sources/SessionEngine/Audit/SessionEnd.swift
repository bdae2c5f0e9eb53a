public import Foundations
import LosslessJSON

/// Why a session ended, from the event of the audit log that recorded it (docs/decisions/0042).
///
/// This is the only place where the reasons have words: `tessera audit --session`, the admin page and the SDK show these.
public struct SessionEnd: Sendable, Equatable {
    /// The causes, by stable names for applications that have words of their own.
    public enum Cause: String, Sendable, CaseIterable {
        /// Its user ended this session.
        case signedOut
        /// Its user ended all other sessions, and this was one of them.
        case signedOutOthers
        /// Its user ended all sessions.
        case signedOutEverywhere
        /// An administrator ended it.
        case administrator
        /// The application ended it and did not say for whom.
        case application
        /// Its tenant was deleted.
        case tenantDeleted
        /// Its app was deleted.
        case appDeleted
        /// Its user signed in elsewhere and has no more sessions than allowed.
        case limit
        /// It was not used for as long as the idle limit.
        case idle
        /// The absolute limit since its user was authenticated has passed.
        case absolute
        /// Its refresh token was not used before its end.
        case validity
        /// It expired, and the entry does not say by which limit.
        case expired
        /// A superseded refresh token of it was reused.
        case reuse
        /// Another session took its place.
        case replaced
        /// Another person acted as its user, and no longer does.
        case impersonationEnded
        /// Storage was put back to an older copy.
        case restored
        /// The entry says that it ended, and not how.
        case unknown
    }

    /// How a superseded refresh token was reused, as far as the entry says it.
    public struct Reuse: Sendable, Equatable {
        /// How the token had been superseded: `previous`, `orphan` or `stale`.
        public let reuseClass: String?
        /// How many rotations lie between the token and the current one.
        public let rotationsApart: Int64?
        /// How long ago the session was rotated last.
        public let sinceRotation: Milliseconds?
    }

    /// Why.
    public let cause: Cause
    /// Who ended it, as far as is known; `nil` in entries of releases that did not record it.
    public let actor: AuditActor?
    /// When it ended; for a session that expired earlier than the entry was written.
    public let endedAt: Timestamp
    /// The number of sessions that the user may have, for ``Cause-swift.enum/limit``.
    public let limit: Int64?
    /// The idle or absolute limit that was reached.
    public let span: Milliseconds?
    /// The session that took its place, for ``Cause-swift.enum/limit`` and ``Cause-swift.enum/replaced``.
    public let successor: SessionHandle?
    /// What was reused, for ``Cause-swift.enum/reuse``.
    public let reuse: Reuse?

    /// Reads an event.
    ///
    /// - Returns: `nil` for an event that ended no session.
    public init?(_ event: AuditEvent) {
        switch event.name {
        case .revoked, .revokedAll: break
        case .reuseDetected where event.means == .reuse: break
        default: return nil
        }
        let details = event.details
        cause = Self.cause(of: event)
        actor = event.actor
        endedAt = details.integer("endedAt").map { Timestamp(milliseconds: $0) } ?? event.time
        limit = details.integer("limit")
        span = details.integer("milliseconds").map { Milliseconds($0) }
        successor = details["replacedBy"]?.string.map(SessionHandle.init)
        reuse = cause == .reuse ? Reuse(details) : nil
    }

    /// The end of a session among the events about it, or about all sessions of its user.
    ///
    /// - Parameter events: in any order.
    /// - Returns: the earliest end; `nil` where none of them ended it.
    public static func first(in events: some Sequence<AuditEvent>) -> SessionEnd? {
        events.compactMap(SessionEnd.init).min { $0.endedAt < $1.endedAt }
    }

    private static func cause(of event: AuditEvent) -> Cause {
        guard let means = event.means else { return formerCause(event.details["by"]?.string) }
        switch means {
        case .handle: return byActor(event.actor, .signedOut)
        case .others: return byActor(event.actor, .signedOutOthers)
        case .all: return byActor(event.actor, .signedOutEverywhere)
        case .tenant: return .tenantDeleted
        case .app: return .appDeleted
        case .limit: return .limit
        case .expiry:
            return event.details["reason"]?.string.flatMap(SessionExpiry.Reason.init).map(\.cause) ?? .expired
        case .reuse: return .reuse
        case .replaced: return .replaced
        case .impersonationEnd: return .impersonationEnded
        case .restore: return .restored
        }
    }

    /// Ends that were asked for differ by who asked.
    private static func byActor(_ actor: AuditActor?, _ ofUser: Cause) -> Cause {
        switch actor {
        case .user: ofUser
        case .administrator: .administrator
        case .driver: .application
        case .core, nil: .unknown
        }
    }

    /// What releases before `means` wrote into `by`.
    private static func formerCause(_ by: String?) -> Cause {
        switch by {
        case "user": .signedOut
        case "admin": .administrator
        case "expiry": .expired
        case "theft": .reuse
        default: .unknown
        }
    }
}

extension SessionExpiry.Reason {
    fileprivate var cause: SessionEnd.Cause {
        switch self {
        case .idle: .idle
        case .absolute: .absolute
        case .validity: .validity
        }
    }
}

extension SessionEnd.Reuse {
    fileprivate init(_ details: JSONObject) {
        reuseClass = details["class"]?.string
        rotationsApart = details.integer("generationsApart")
        sinceRotation = details.integer("millisecondsSinceRotation").map { Milliseconds($0) }
    }
}

extension JSONObject {
    fileprivate func integer(_ name: String) -> Int64? {
        if case .number(let number)? = self[name] { number.int64 } else { nil }
    }
}
