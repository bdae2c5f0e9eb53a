public import Foundations

/// Who did something that the audit log records, as far as the core knows it.
public enum AuditActor: String, Sendable, CaseIterable {
    /// The user of the session, as the application says.
    case user
    /// Who runs the core or the application, as the application or a command says.
    case administrator = "admin"
    /// The application, which did not say for whom.
    case driver
    /// The core itself, by its rules.
    case core
}

/// Who ended sessions, how and when, for the audit log.
public struct Revocation: Sendable, Equatable {
    /// How a session ended.
    public enum Means: String, Sendable, CaseIterable {
        /// It was named.
        case handle
        /// All of its user's were ended, or those of all users.
        case all
        /// All of its user's but one were ended.
        case others
        /// Its tenant was removed.
        case tenant
        /// Its app was removed.
        case app
        /// A superseded refresh token of it was reused.
        case reuse
        /// It had expired.
        case expiry
        /// Its user had too many.
        case limit
        /// Another session took its place, as the application asked for.
        case replaced
        /// Another person acted as its user, and no longer does.
        case impersonationEnd
        /// Storage went back to an older state: what a client held was newer, or a restore repeated its end.
        case restore
    }

    /// Who did it.
    public var actor: AuditActor
    /// How.
    public var means: Means
    /// When.
    public var time: Timestamp
    /// What an operator said about it, if one did it.
    public var note: AuditNote?

    public init(by actor: AuditActor, _ means: Means, at time: Timestamp, note: AuditNote? = nil) {
        self.actor = actor
        self.means = means
        self.time = time
        self.note = note
    }

    /// The end of sessions that had expired.
    public static func expiry(at time: Timestamp) -> Revocation { Revocation(by: .core, .expiry, at: time) }
}
