import Foundations
import HTTPTypes

/// What a response says of a session in its header fields (docs/specification/sdk.md 2): nothing, an end, or tokens.
struct SessionFields: Equatable, Sendable {
    static let accessName = name("st-access-token")
    static let refreshName = name("st-refresh-token")
    static let frontName = name("front-token")
    static let modeName = name("st-auth-mode")
    static let recipeName = name("rid")
    static let versionName = name("fdi-version")
    static let activityName = name("tessera-activity")
    static let proofName = name("dpop")
    static let nonceName = name("dpop-nonce")

    /// The versions of the interface between front end and back end that this client speaks.
    static let versions = "1.16,1.17,1.18,1.19,2.0,3.0,3.1,4.0,4.1,4.2"

    var access: Secret?
    var refresh: Secret?
    var front: String?
    /// Whether the session is said to have ended: `front-token: remove`.
    ///
    /// Some proxies drop the empty token fields beside it.
    var isEnd: Bool

    init(_ fields: HTTPFields) {
        front = fields[Self.frontName].flatMap { $0.isEmpty ? nil : $0 }
        isEnd = front == "remove"
        access = Self.token(fields[Self.accessName])
        refresh = Self.token(fields[Self.refreshName])
    }

    private static func token(_ value: String?) -> Secret? { value.flatMap { $0.isEmpty ? nil : Secret($0) } }

    private static func name(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(text)") else {
            preconditionFailure("\(text) is no field name (RFC 9110 section 5.1)")
        }
        return name
    }
}

/// A text that is in no message, log or reflection.
struct Secret: Redacted, Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}
