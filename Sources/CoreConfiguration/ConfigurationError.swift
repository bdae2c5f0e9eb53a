/// Why the core does not start with a configuration.
///
/// The message is for the operator; startup fails.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and, where it is not obvious, what to do.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
