import Foundations
public import LosslessJSON
public import SessionEngine

/// A fact about a user that travels in the access token and is fetched again from time to time (docs/specification/sdk.md
/// 2.12).
///
/// ``ValueClaim`` and ``ListClaim`` are all that most applications need; a type of your own may keep a claim in another form.
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
    ///
    /// - Throws: whatever it is about the value that JSON cannot hold.
    func encode(_ value: Value) throws -> JSONValue
    /// The value from JSON; `nil` where it is of another type.
    func decode(_ value: JSONValue) -> Value?
}

extension SessionClaim where Value: Codable {
    /// The value as its type encodes it; a date is the milliseconds since 1970.
    ///
    /// - Throws: `EncodingError`.
    public func encode(_ value: Value) throws -> JSONValue { try JSONValueEncoder.encode(value) }
    /// The value as its type decodes it.
    public func decode(_ value: JSONValue) -> Value? { try? JSONValueDecoder.decode(Value.self, from: value) }
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
    /// The sessions that it is one of; `nil` for a subject that an application made.
    package var sessions: Sessions?

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

extension SessionClaim {
    /// How a value stands in the payload.
    ///
    /// - Throws: ``SessionError/badInput(_:)`` for a value that JSON cannot hold.
    func entry(_ value: Value, at now: Timestamp) throws(SessionError) -> JSONValue {
        do {
            return .object(["v": try encode(value), "t": .integer(now.milliseconds)])
        } catch {
            throw .badInput("claim \(key): \(CodingProblem.text(error))")
        }
    }

    /// The value in a payload.
    func value(in payload: JSONObject) -> Value? { written(in: payload).flatMap(decode) }

    /// The value in a payload as it is written there.
    func written(in payload: JSONObject) -> JSONValue? { payload[key]?.object?["v"] }

    /// When the value in a payload was fetched.
    func fetchedAt(in payload: JSONObject) -> Timestamp? {
        payload[key]?.object?["t"]?.number?.int64.map(Timestamp.init)
    }

    /// A freshly fetched entry; `nil` where there is nothing to enter.
    func fetchedEntry(for subject: ClaimSubject, at now: Timestamp) async throws(SessionError) -> JSONValue? {
        let value: Value?
        do {
            value = try await fetch(for: subject)
        } catch {
            throw .claimUnavailable(key: key, reason: "\(error)")
        }
        guard let value else { return nil }
        return try entry(value, at: now)
    }
}
