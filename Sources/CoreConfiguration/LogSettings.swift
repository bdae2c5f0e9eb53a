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

    /// Reads what concerns the log.
    init(_ values: ConfigurationValues, environment: [String: String]) throws(ConfigurationError) {
        level = try Self.level(values)
        infoPath = Self.path(values.text(.infoLogPath))
        errorPath = Self.path(values.text(.errorLogPath))
        isStructured = environment["USE_STRUCTURED_LOGGING"]?.lowercased() == "true"
    }

    private static func level(_ values: ConfigurationValues) throws(ConfigurationError) -> Logger.Level? {
        switch (values.text(.logLevel) ?? "INFO").uppercased() {
        case "NONE": return nil
        case "DEBUG": return .debug
        case "INFO": return .info
        case "WARN": return .warning
        case "ERROR": return .error
        default:
            throw ConfigurationError(
                "'log_level' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\".")
        }
    }

    /// The text "null" stands for the console, as in SuperTokens' core.
    private static func path(_ text: String?) -> String? { text == "null" ? nil : text }
}
