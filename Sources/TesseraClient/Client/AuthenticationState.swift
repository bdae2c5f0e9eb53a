public import LosslessJSON

/// Whether a user is signed in, as this client knows it.
public enum AuthenticationState: Sendable, Equatable {
    /// A session is stored. Only the server knows whether it still lives.
    case signedIn(SignedInSession)
    /// There is no session, and why.
    case signedOut(SignOutReason)
}

/// What a client may know of its session, from the front token.
public struct SignedInSession: Sendable, Equatable {
    /// Whose session it is.
    public let userID: String
    /// The payload of the access token, for showing; the server decides by its own.
    public let claims: JSONObject

    /// Of the same user and with the same claims, in whatever order they are written.
    public static func == (left: SignedInSession, right: SignedInSession) -> Bool {
        left.userID == right.userID && left.claims.sorted() == right.claims.sorted()
    }
}

extension JSONObject {
    /// The same members by their names, and so within each of them.
    fileprivate func sorted() -> JSONObject {
        JSONObject(
            members.map { Member(name: $0.name, value: $0.value.sorted()) }.sorted { $0.name < $1.name })
    }
}

extension JSONValue {
    fileprivate func sorted() -> JSONValue {
        if let object { return .object(object.sorted()) }
        if let array { return .array(array.map { $0.sorted() }) }
        return self
    }
}

/// Why there is no session.
public enum SignOutReason: String, Sendable, CaseIterable {
    /// None was stored.
    case none
    /// The user signed out here.
    case user
    /// The server ended it: it had expired, or was revoked.
    case ended
    /// The server saw a superseded refresh token of it, and ended it.
    case theft
    /// The key that the session is bound to is gone from this device.
    case keyLost
}

/// What came of a sign-out.
///
/// Locally it is done in each case.
public enum SignOutOutcome: Sendable, Equatable {
    /// The server ended the session, or had ended it before.
    case confirmed
    /// The server has not heard of it; a later call sends it again, for seven days.
    case pending
    /// There was no session.
    case noSession
}

/// Whether a call is made for a user who is there.
public enum SessionActivity: Sendable {
    /// A user acts: the session's idle time begins again.
    case foreground
    /// A poll or a background task, without a user: the session's idle time continues.
    case background

    /// What the calls of a task are.
    @TaskLocal public static var current = SessionActivity.foreground
}
