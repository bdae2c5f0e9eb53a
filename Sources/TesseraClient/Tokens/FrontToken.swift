import Foundations
import LosslessJSON

/// What the client may know of its session: base64 of `{"uid", "ate", "up"}` (docs/specification/sdk.md 2.3).
struct FrontToken: Equatable, Sendable {
    let userID: String
    /// When the access token expires, by the server's clock, in milliseconds since 1970.
    let expiresAt: Int64
    let payload: JSONObject

    /// Reads a front token; any other text is a session that is not there, and never a trap.
    init?(_ text: String) {
        guard let bytes = Base64.standard.decode(Array(text.utf8)), let object = try? JSONValue(parsing: bytes).object,
            let userID = object["uid"]?.string, let expiry = object["ate"]?.number?.int64,
            let payload = object["up"]?.object
        else { return nil }
        (self.userID, self.expiresAt, self.payload) = (userID, expiry, payload)
    }

    /// For how long the access token is accepted from its making on, in milliseconds; by the server's clock alone where the
    /// payload says when that was, or else by the client's at its arrival.
    ///
    /// - Parameter now: the client's time at its arrival.
    func lifetime(arrivedAt now: Int64) -> Int64 {
        let (span, isOver) = expiresAt.subtractingReportingOverflow(madeAt ?? now)
        return isOver ? 0 : max(0, span)
    }

    /// The session that the access token belongs to, where the payload names it.
    var sessionHandle: String? { payload["sessionHandle"]?.string }

    /// The thumbprint of the key that the session is bound to (RFC 9449 section 6.1).
    var boundKey: String? { payload["cnf"]?.object?["jkt"]?.string }

    /// When the access token was made, by the server's clock, in milliseconds since 1970.
    var madeAt: Int64? {
        let made = payload["iat"]?.number?.int64?.multipliedReportingOverflow(by: 1_000)
        return made.flatMap { $0.overflow ? nil : $0.partialValue }
    }
}

/// What an access token says of itself, unverified: whether it is one of the stored session.
enum OwnToken {
    /// The session of a token; `nil` for anything that is no token of a session.
    static func handle(of token: String) -> String? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, token.utf8.count < 65_536 else { return nil }
        guard let bytes = Base64.url.decode(parts[1]) ?? Base64.standard.decode(parts[1]) else { return nil }
        return (try? JSONValue(parsing: bytes).object)?["sessionHandle"]?.string
    }
}
