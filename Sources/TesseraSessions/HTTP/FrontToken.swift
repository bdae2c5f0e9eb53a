import Foundations
package import LosslessJSON
package import SessionEngine

/// What scripts may know about a session: standard base64 of `{"uid", "ate", "up"}` (docs/specification/sdk.md 2.3).
///
/// Every script in the page can read it.
package struct FrontToken: Sendable, Equatable {
    /// The value that means to a front end that its session has ended.
    package static let removal = "remove"

    /// Whose session it is.
    package var userID: UserID
    /// When the access token stops being accepted.
    package var expiresAt: Timestamp
    /// The payload of the access token.
    package var payload: JSONObject

    package init(userID: UserID, expiresAt: Timestamp, payload: JSONObject) {
        self.userID = userID
        self.expiresAt = expiresAt
        self.payload = payload
    }

    /// Reads a field's value; `nil` when it is no front token.
    package init?(_ text: String) {
        guard let bytes = Base64.standard.decode(Array(text.utf8)[...]),
            let object = try? JSONValue(parsing: bytes).object, let userID = object["uid"]?.string,
            let expiry = object["ate"]?.number?.int64, let payload = object["up"]?.object
        else { return nil }
        self.init(userID: UserID(userID), expiresAt: Timestamp(milliseconds: expiry), payload: payload)
    }

    /// The field's value.
    package var text: String {
        let object: JSONObject = [
            "uid": .string(userID.rawValue), "ate": .integer(expiresAt.milliseconds), "up": .object(payload),
        ]
        return Base64.standard.encodedText(object.serialized())
    }

    /// A front token that has run out: it makes a front end refresh once more (docs/specification/sdk.md 2.8).
    static let expired = FrontToken(userID: "", expiresAt: Timestamp(milliseconds: 0), payload: [:])
}
