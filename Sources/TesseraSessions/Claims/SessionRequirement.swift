import Foundations
public import LosslessJSON
import SessionEngine

/// What a route, or every route, asks of a session.
///
/// Give yours a name, and routes read as a sentence:
///
/// ```swift
/// extension SessionRequirement {
///     static let emailVerified = BooleanClaim("ev", maxAge: .minutes(5)) { userID in
///         try await accounts.isVerified(userID)
///     }.isTrue()
/// }
/// router.require(.emailVerified, .fresh(within: .minutes(10))).post("password", use: changePassword)
/// ```
public struct SessionRequirement: Sendable {
    /// Its name in the answer to the front end.
    public let id: String
    let rule: any RequirementRule

    init(id: String, rule: any RequirementRule) {
        self.id = id
        self.rule = rule
    }

    /// A condition on the payload, whatever it is.
    ///
    /// - Parameters:
    ///   - id: its name in the answer to the front end.
    ///   - condition: judges the payload.
    public init(_ id: String, _ condition: @escaping @Sendable (_ payload: JSONObject) async -> Bool) {
        self.init(id: id, rule: PayloadCondition(condition: condition))
    }

    /// A condition on the payload that says what is wrong.
    ///
    /// - Parameters:
    ///   - id: its name in the answer to the front end.
    ///   - problem: judges the payload; what it returns is the `reason` of the error for front ends, and `nil` is
    ///     agreement.
    public init(id: String, problem: @escaping @Sendable (_ payload: JSONObject) async -> JSONObject?) {
        self.init(id: id, rule: PayloadJudgement(problem: problem))
    }

    /// Whether it asks for nothing.
    package var isNothing: Bool { rule is NoRule }

    /// A session, and nothing more.
    public static let session = SessionRequirement(id: "session", rule: NoRule())

    /// The user has proved who they are within a time: when the session began, or when ``Session/markAuthenticated()`` was
    /// called last.
    ///
    /// A front end that gets this error (`id` is `auth-time`) asks for the password, or the passkey, again.
    ///
    /// - Parameter span: how long that may be ago.
    public static func fresh(within span: Duration) -> SessionRequirement {
        SessionRequirement(id: AuthenticationTime.key, rule: FreshAuthentication(span: Milliseconds(span)))
    }
}

/// How a requirement is judged.
protocol RequirementRule: Sendable {
    /// The claim that is fetched before the rule is judged, if it has to be.
    func dueClaim(_ payload: JSONObject, at now: Timestamp) -> (any SessionClaim)?
    /// What is wrong, for the front end; `nil` when nothing is.
    func problem(_ payload: JSONObject, at now: Timestamp) async -> JSONObject?
}

extension RequirementRule {
    func dueClaim(_: JSONObject, at _: Timestamp) -> (any SessionClaim)? { nil }
}

private struct NoRule: RequirementRule {
    func problem(_: JSONObject, at _: Timestamp) -> JSONObject? { nil }
}

private struct PayloadCondition: RequirementRule {
    let condition: @Sendable (JSONObject) async -> Bool

    func problem(_ payload: JSONObject, at _: Timestamp) async -> JSONObject? {
        await condition(payload) ? nil : ["message": "wrong value"]
    }
}

private struct PayloadJudgement: RequirementRule {
    let problem: @Sendable (JSONObject) async -> JSONObject?

    func problem(_ payload: JSONObject, at _: Timestamp) async -> JSONObject? { await problem(payload) }
}

/// A condition on one claim: it is there, it is recent enough, and its value is as it should be, in this order.
struct ClaimCondition<Claim: SessionClaim>: RequirementRule {
    private let claim: Claim
    private let maxAge: Milliseconds?
    /// The name and value that are reported when the claim is missing.
    private let expectation: (name: String, value: JSONValue)
    /// The name under which the expected value is reported when the claim differs; `nil` when it matches.
    private let failing: @Sendable (Claim.Value, JSONValue) -> String?

    init(
        claim: Claim, maxAge: Duration?, expectation: (String, JSONValue),
        failing: @escaping @Sendable (Claim.Value, JSONValue) -> String?
    ) {
        self.claim = claim
        self.maxAge = maxAge.map { Milliseconds($0) }
        self.expectation = expectation
        self.failing = failing
    }

    func dueClaim(_ payload: JSONObject, at now: Timestamp) -> (any SessionClaim)? {
        guard claim.value(in: payload) != nil else { return claim }
        return maxAge.map { isOlder(than: $0, payload, at: now) } ?? false ? claim : nil
    }

    func problem(_ payload: JSONObject, at now: Timestamp) -> JSONObject? {
        guard let written = claim.written(in: payload), let value = claim.decode(written) else {
            return ["message": "value does not exist", expectation.name: expectation.value]
        }
        if let maxAge, isOlder(than: maxAge, payload, at: now) {
            return Self.expired(claim.fetchedAt(in: payload).map { now - $0 }, maxAge)
        }
        return failing(value, written).map { name in
            ["message": "wrong value", name: expectation.value, "actualValue": written]
        }
    }

    private func isOlder(than maxAge: Milliseconds, _ payload: JSONObject, at now: Timestamp) -> Bool {
        claim.fetchedAt(in: payload).map { now - $0 > maxAge } ?? true
    }
}

extension RequirementRule {
    /// The error for front ends about a value that is too old.
    static func expired(_ age: Milliseconds?, _ maxAge: Milliseconds) -> JSONObject {
        [
            "message": "expired", "ageInSeconds": .integer((age?.count ?? 0) / 1_000),
            "maxAgeInSeconds": .integer(maxAge.count / 1_000),
        ]
    }
}

/// When the user of a session has proved who they are; in the payload once a route asks for it.
struct AuthenticationTime: SessionClaim {
    static let key = "auth-time"
    var key: String { Self.key }

    /// When the session began; `nil` for a session that is gone.
    func fetch(for subject: ClaimSubject) async throws -> Timestamp? {
        guard let sessions = subject.sessions else { return nil }
        guard let handle = subject.handle else { return sessions.clock.time() }
        return try await sessions.backend.information(on: handle).map { Timestamp($0.createdAt) }
    }

    func encode(_ value: Timestamp) -> JSONValue { .integer(value.milliseconds) }
    func decode(_ value: JSONValue) -> Timestamp? { value.number?.int64.map(Timestamp.init) }
}

/// The user has proved who they are a short time ago.
private struct FreshAuthentication: RequirementRule {
    let span: Milliseconds
    private var claim: AuthenticationTime { AuthenticationTime() }

    func dueClaim(_ payload: JSONObject, at _: Timestamp) -> (any SessionClaim)? {
        claim.value(in: payload) == nil ? claim : nil
    }

    func problem(_ payload: JSONObject, at now: Timestamp) -> JSONObject? {
        // Who acts as the user was not authenticated as the user.
        guard ActingParty(payload[ActingParty.claim]) == nil, let time = claim.value(in: payload) else {
            return ["message": "value does not exist", "maxAgeInSeconds": .integer(span.count / 1_000)]
        }
        return now - time > span ? Self.expired(now - time, span) : nil
    }

    init(span: Milliseconds) { self.span = span }
}
