public import Logging

/// What is logged, how and where (docs/specification/core.md 8.4).
public struct LogSettings: Sendable, Equatable {
    /// How much is logged; `nil` for nothing.
    public var level: Logger.Level? = .info
    /// The file of everything but errors; `nil` for standard output.
    public var infoPath: String?
    /// The file of errors; `nil` for standard error.
    public var errorPath: String?
    /// Whether each line is a JSON object.
    public var isStructured = false

    /// Logs to the console.
    public init() {}
}
