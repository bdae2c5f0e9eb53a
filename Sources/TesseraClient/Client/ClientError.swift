/// Why a call could not be made, or its outcome is not known.
///
/// None of these ends a session.
public enum ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The server, or the way to it, fails; the session stays and the call can be made again.
    ///
    /// - Parameter retryAfter: after how long refreshing is tried again.
    case unavailable(_ reason: String, retryAfter: Duration)
    /// Something on the way answered 401 to a refresh without a verdict of the session server; so often in a row.
    case gatewayRefused(inARow: Int)
    /// The session server refused a refresh with a status that is no verdict, such as 404 for a wrong path.
    case refused(status: Int)
    /// The certificate or another rule of the platform forbids the connection: a captive portal, an interception, a set-up.
    case insecure(String)
    /// What the application or its server has to set right.
    case misconfigured(String)
    /// The body of the request could be sent once only, and the API refused the access token that went with it.
    case bodyNotReplayable
    /// The store cannot be read or written now, such as a Keychain before the first unlock; nothing is known of the session.
    case storageUnavailable(String)
    /// The body of a response is longer than was asked for.
    case responseTooLarge(limit: Int)

    public var description: String {
        switch self {
        case .unavailable(let reason, let wait): "the server cannot be reached (\(reason)); again in \(wait)"
        case .gatewayRefused(let count): "something before the server refuses to refresh the session, \(count) times"
        case .refused(let status): "the server refuses to refresh the session with status \(status)"
        case .insecure(let reason): "no safe connection: \(reason)"
        case .misconfigured(let reason): reason
        case .bodyNotReplayable: "the access token has expired, and the body of the request cannot be sent again"
        case .storageUnavailable(let reason): "the stored session cannot be used now: \(reason)"
        case .responseTooLarge(let limit): "the response is longer than \(limit) bytes"
        }
    }
}
