public import LosslessJSON
public import SessionEngine

/// A fact about a user that travels in the access token and is refetched from time to time (docs/specification/sdk.md
/// 2.12).
///
/// In the payload it is `key: {"v": value, "t": time of fetching in ms}`.
public protocol SessionClaim: Sendable {
    /// What it holds.
    associatedtype Value: Sendable
    /// Its name in the payload.
    var key: String { get }
    /// Fetches the value; `nil` leaves the payload as it is.
    ///
    /// - Throws: whatever the application throws; the request then fails.
    func fetch(for user: ClaimSubject) async throws -> Value?
    /// The value as JSON.
    func encode(_ value: Value) -> JSONValue
    /// The value from JSON; `nil` where it is of another type.
    func decode(_ value: JSONValue) -> Value?
}

/// Whom a claim is fetched for.
public struct ClaimSubject: Sendable {
    /// The session; `nil` while it is being begun.
    public var handle: SessionHandle?
    /// The (primary) user.
    public var userID: UserID
    /// The user of the login method.
    public var recipeUserID: UserID
    /// The tenant.
    public var tenantID: TenantID
    /// The payload as it is.
    public var payload: JSONObject

    public init(
        handle: SessionHandle?, userID: UserID, recipeUserID: UserID, tenantID: TenantID, payload: JSONObject
    ) {
        self.handle = handle
        self.userID = userID
        self.recipeUserID = recipeUserID
        self.tenantID = tenantID
        self.payload = payload
    }
}

/// A condition on a session's payload.
public protocol ClaimValidator: Sendable {
    /// Its name in the answer to the front end.
    var id: String { get }
    /// The claim that is refetched when it is too old, if the condition is about one.
    var claim: (any SessionClaim)? { get }
    /// Whether the claim has to be fetched before the condition is judged.
    func needsFetch(_ payload: JSONObject, at now: Timestamp) -> Bool
    /// Judges the payload.
    ///
    /// - Returns: what is wrong, or `nil`.
    func validate(_ payload: JSONObject, at now: Timestamp) async -> ClaimValidationError?
}
