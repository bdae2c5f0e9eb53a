import LosslessJSON
import SessionEngine

/// Judging a payload by validators (docs/specification/sdk.md 2.12).
struct ClaimEvaluation {
    /// The members that were refetched and differ from what was there.
    var update: JSONObject
    /// What is wrong, in the order of the validators.
    var errors: [ClaimValidationError]

    /// Fetches what is due, in order, so that each fetch sees what the earlier ones brought; then judges the outcome.
    static func run(
        _ validators: [any ClaimValidator], for subject: ClaimSubject, at now: Timestamp
    ) async throws(SessionError) -> ClaimEvaluation {
        var subject = subject
        var update: JSONObject = [:]
        for validator in validators {
            guard let claim = validator.claim, validator.needsFetch(subject.payload, at: now),
                let entry = try await claim.fetchedEntry(for: subject, at: now)
            else { continue }
            if subject.payload[claim.key] != entry { update[claim.key] = entry }
            subject.payload[claim.key] = entry
        }
        var errors: [ClaimValidationError] = []
        for validator in validators {
            if let error = await validator.validate(subject.payload, at: now) { errors.append(error) }
        }
        return ClaimEvaluation(update: update, errors: errors)
    }
}

extension SessionClaim {
    /// How a value stands in the payload.
    func entry(_ value: JSONValue, at now: Timestamp) -> JSONValue {
        .object(["v": value, "t": .integer(now.milliseconds)])
    }

    /// The value in a payload.
    func value(in payload: JSONObject) -> Value? { payload[key]?.object?["v"].flatMap(decode) }

    /// When the value in a payload was fetched.
    func fetchedAt(in payload: JSONObject) -> Timestamp? {
        payload[key]?.object?["t"]?.number?.int64.map(Timestamp.init)
    }

    /// A freshly fetched entry; `nil` where there is nothing to enter.
    func fetchedEntry(for subject: ClaimSubject, at now: Timestamp) async throws(SessionError) -> JSONValue? {
        do {
            return try await fetch(for: subject).map { entry(encode($0), at: now) }
        } catch {
            throw .claimUnavailable(key: key, reason: "\(error)")
        }
    }
}
