/// A result of the diagnostics, with a hint where something is to be done.
public struct Diagnostic: Sendable, Equatable {
    /// The severity of a result.
    public enum Severity: String, Sendable {
        /// As it should be.
        case good = "ok"
        /// It works, and something could be better.
        case advice
        /// It does not work, or can lose what was acknowledged.
        case bad = "BAD"
    }

    /// The severity.
    public let severity: Severity
    /// The result.
    public let text: String
    /// The action for an operator; `nil` where there is none.
    public let hint: String?
}
