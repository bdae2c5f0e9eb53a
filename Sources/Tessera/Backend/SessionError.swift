public import LosslessJSON
public import SessionEngine

/// Why there is no session, one case for each answer that a client can be given (docs/specification/sdk.md 2.14).
///
/// The texts are for the operator's log and never reach a client.
public enum SessionError: Error, Sendable, Equatable {
    /// The client has to sign in again; its tokens are cleared where `clearTokens` says so.
    case unauthorised(reason: String, clearTokens: Bool)
    /// The client may refresh and try again.
    case tryRefreshToken(reason: String)
    /// A used-up refresh token came back: somebody holds a copy.
    case tokenTheftDetected(handle: SessionHandle, userID: UserID, recipeUserID: UserID)
    /// The session does not fulfil what a route asks for.
    case invalidClaims([ClaimValidationError])
    /// The request brought two session cookies of one name; the older ones are being expired.
    case duplicateCookies
    /// Another refresh with the same token was finished a moment ago: the client keeps what it has and may try again.
    case retryLater(reason: String)
    /// What was asked for cannot be done.
    case badInput(String)
    /// The application could not say what a claim's value is.
    case claimUnavailable(key: String, reason: String)
    /// No core answered; nothing is known about any session.
    case coreUnavailable(String)
    /// The core, or the storage, answered with a fault.
    case coreRejected(status: Int, message: String)
    /// The settings contradict each other; the text says what to do.
    case misconfigured(String)
}

/// Why a claim is not as a route asks for (docs/specification/sdk.md 2.12 and 2.14).
public struct ClaimValidationError: Sendable, Equatable {
    /// The validator's name.
    public var id: String
    /// What is wrong, for the front end.
    public var reason: JSONObject?

    /// Puts a finding together.
    public init(id: String, reason: JSONObject?) {
        self.id = id
        self.reason = reason
    }
}
