public import Logging

/// What is logged, how and where (docs/specification/core.md 8.4).
public struct LogSettings: Sendable, Equatable {
    /// How much is logged; `nil` for nothing.
    public var level: Logger.Level? = .info
    /// The file of everything but errors; `nil` for standard output.
    public var infoPath: String?
    /// The file of errors; `nil` for standard error.
    public var errorPath: String?
    /// What a line looks like.
    public var format = Format.supertokens
    /// Whether lines in SuperTokens' format are JSON objects.
    public var isStructured = false

    /// What a line looks like (docs/decisions/0026).
    public enum Format: Sendable, Equatable {
        /// As SuperTokens' core writes it: a team that moves from there keeps what reads the logs.
        case supertokens
        /// A JSON object with the names of OpenTelemetry's log data model.
        case json
    }

    /// Logs to the console.
    public init() {}
}
