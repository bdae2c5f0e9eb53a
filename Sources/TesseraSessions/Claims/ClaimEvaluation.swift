import LosslessJSON
import SessionEngine

/// Judging a payload by requirements (docs/specification/sdk.md 2.12).
struct ClaimEvaluation {
    /// The members that were refetched and differ from what was there.
    var update: JSONObject
    /// What is wrong, in the order of the requirements.
    var errors: [ClaimValidationError]

    /// Fetches what is due, in order, so that each fetch sees what the earlier ones brought; then judges the outcome.
    static func run(
        _ requirements: [SessionRequirement], for subject: ClaimSubject, at now: Timestamp
    ) async throws(SessionError) -> ClaimEvaluation {
        var subject = subject
        var update: JSONObject = [:]
        for requirement in requirements {
            guard let claim = requirement.rule.dueClaim(subject.payload, at: now),
                let entry = try await claim.fetchedEntry(for: subject, at: now)
            else { continue }
            if subject.payload[claim.key] != entry { update[claim.key] = entry }
            subject.payload[claim.key] = entry
        }
        var errors: [ClaimValidationError] = []
        for requirement in requirements {
            guard let reason = await requirement.rule.problem(subject.payload, at: now) else { continue }
            errors.append(ClaimValidationError(id: requirement.id, reason: reason))
        }
        return ClaimEvaluation(update: update, errors: errors)
    }
}
