package import Foundations

extension SessionEnd {
    /// The reason for an operator, as a sentence without its full stop.
    ///
    /// It contains no text of an entry: what a client or an application chose cannot be part of it.
    public var text: String {
        switch cause {
        case .signedOut: "Signed out by the user"
        case .signedOutOthers: "Signed out by the user, who ended all other sessions"
        case .signedOutEverywhere: "Signed out by the user, who ended all sessions"
        case .administrator: "Ended by an administrator"
        case .application: "Ended by the application"
        case .tenantDeleted: "Tenant deleted"
        case .appDeleted: "Application deleted"
        case .limit: "Ended by a newer sign-in" + (limit.map { ": limit \($0)" } ?? ": too many sessions")
        case .idle: "Not used for " + (span.map { "about \($0.words)" } ?? "as long as the idle limit")
        case .absolute:
            "Longest duration reached" + (span.map { ": \($0.words) since the last full authentication" } ?? "")
        case .validity: "Not used before its refresh token expired"
        case .expired: "Expired"
        case .reuse: "A superseded refresh token was reused" + (reuse?.text ?? "")
        case .replaced: "Replaced by a new session"
        case .impersonationEnded: "The person who acted as the user stopped"
        case .restored:
            actor == .administrator
                ? "Its end was repeated after storage was restored from a copy"
                : "Storage was restored from a copy that is older than its tokens"
        case .unknown: "Ended; the audit log does not say why"
        }
    }

    /// The reason for the user of the session, as a sentence without its full stop; it has nothing in it that helps a thief.
    public var userText: String {
        switch cause {
        case .signedOut: "You signed out"
        case .signedOutOthers: "You signed out on all other devices"
        case .signedOutEverywhere: "You signed out on all devices"
        case .administrator: "An administrator signed you out"
        case .application, .tenantDeleted, .appDeleted, .unknown: "You were signed out by the service"
        case .limit: "You signed in on another device, and only \(deviceCount) can be signed in"
        case .idle: "You were not active for " + (span.map { "about \($0.words)" } ?? "too long")
        case .absolute: "You have to sign in again" + (span.map { " every \($0.words)" } ?? " from time to time")
        case .validity, .expired: "You were not here for too long"
        case .reuse: "A copy of this sign-in may have been used elsewhere, so it was ended"
        case .replaced: "You signed in again"
        case .impersonationEnded: "The person who helped you has left"
        case .restored: "The service had to be restored"
        }
    }

    private var deviceCount: String {
        switch limit {
        case 1?: "1 device"
        case let count?: "\(count) devices"
        case nil: "some devices"
        }
    }
}

extension SessionEnd.Reuse {
    /// The distance, to be put behind a sentence.
    fileprivate var text: String {
        var parts: [String] = []
        if reuseClass == Refresh.ReuseClass.orphan.rawValue {
            parts.append("another successor of the same token was used before it")
        } else if let rotationsApart {
            parts.append("\(rotationsApart) \(rotationsApart == 1 ? "rotation" : "rotations") old")
        }
        if let sinceRotation { parts.append("\(sinceRotation.words) after the last rotation") }
        return parts.isEmpty ? "" : ": " + parts.joined(separator: ", ")
    }
}

extension Milliseconds {
    /// The span for people: whole units of the largest unit that it has at least two of, or exactly one; what is left of it is
    /// dropped, but a span of whole smaller units keeps them (90 minutes, 60 hours, 41 minutes).
    package var words: String {
        let units: [(Int64, String)] = [
            (86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond"),
        ]
        let count = max(0, count)
        let isWholeSeconds = count % 1_000 == 0
        for (unit, name) in units where count >= 2 * unit || count == unit {
            // A limit is configured in seconds and is said exactly; a measured distance has milliseconds and is rounded.
            if isWholeSeconds && count % unit != 0 { continue }
            let number = count / unit
            return "\(number) \(name)\(number == 1 ? "" : "s")"
        }
        return "0 milliseconds"
    }
}
