/// One cause: how it shows, and what it explains.
package struct Rule: Sendable {
    /// What a rule says when it applies.
    struct Finding {
        var severity = Severity.bad
        let summary: String
        let observed: [String]
        let fix: String

        init(_ summary: String, seen observed: [String], fix: String) {
            (self.summary, self.observed, self.fix) = (summary, observed, fix)
        }

        init(_ severity: Severity, _ summary: String, seen observed: [String], fix: String) {
            self.init(summary, seen: observed, fix: fix)
            self.severity = severity
        }
    }

    package let code: String
    /// What is not reported beside it, because it follows from it.
    package let explains: Set<String>
    private let find: @Sendable (Observations) -> Finding?

    init(_ code: String, explains: Set<String> = [], _ find: @escaping @Sendable (Observations) -> Finding?) {
        (self.code, self.explains, self.find) = (code, explains, find)
    }

    /// What the rule makes of what was seen.
    package func diagnosis(of seen: Observations) -> Diagnosis? {
        find(seen).map { found in
            Diagnosis(
                code: code, severity: found.severity, summary: found.summary, observed: found.observed, fix: found.fix)
        }
    }

    /// Every cause; docs/doctor.md has a section for each.
    package static let all: [Rule] = reach + cors + cookies + sessions + surroundings

    /// Causes, the worst first; what follows from another is left out.
    ///
    /// - Parameters:
    ///   - seen: the answers.
    ///   - accepted: codes that are not to be reported.
    package static func diagnose(_ seen: Observations, accepting accepted: Set<String> = []) -> [Diagnosis] {
        let found = all.compactMap { rule in rule.diagnosis(of: seen).map { (rule, $0) } }
        let explained = found.reduce(into: Set<String>()) { $0.formUnion($1.0.explains) }
        let left = found.map(\.1).filter { !explained.contains($0.code) && !accepted.contains($0.code) }
        return left.filter { $0.severity == .bad } + left.filter { $0.severity == .advice }
    }
}
