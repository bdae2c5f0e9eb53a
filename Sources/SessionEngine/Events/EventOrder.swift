/// The order in which the events of a stream may go: one after the other for each session and each user, and freely
/// otherwise.
///
/// The events of a stream are shown to it, the oldest first.
public struct EventOrder: Sendable {
    /// The sessions and users with an earlier event that has not been delivered.
    private var held: Set<Subject> = []

    private enum Subject: Hashable {
        case session(SessionHandle)
        case user(UserID)
    }

    public init() {}

    /// Whether an event may go now; from here on no later one of its session or its user may.
    ///
    /// - Parameters:
    ///   - event: the event.
    ///   - isDue: whether its own time has come.
    public mutating func admits(_ event: AuditEvent, isDue: Bool) -> Bool {
        let subjects = [event.handle.map(Subject.session), event.userID.map(Subject.user)].compactMap(\.self)
        let isFree = held.isDisjoint(with: subjects)
        held.formUnion(subjects)
        return isFree && isDue
    }
}
