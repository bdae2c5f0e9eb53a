/// How bad something is.
package enum Severity: String, Sendable {
    /// Sessions do not work, or do not for all.
    case bad = "BAD"
    /// Works, and should be known.
    case advice
}

/// What the doctor found: a cause, what was seen of it, and what to do.
package struct Diagnosis: Sendable, Hashable {
    /// A number that stays, such as `D07`; docs/doctor.md explains each.
    package let code: String
    package let severity: Severity
    /// One sentence.
    package let summary: String
    /// What was asked and what came, without tokens.
    package let observed: [String]
    /// What to change, and where.
    package let fix: String

    package init(code: String, severity: Severity, summary: String, observed: [String], fix: String) {
        (self.code, self.severity, self.summary, self.observed, self.fix) = (code, severity, summary, observed, fix)
    }

    /// The section of the documentation.
    package var page: String { "docs/doctor.md#\(code.lowercased())" }
}
