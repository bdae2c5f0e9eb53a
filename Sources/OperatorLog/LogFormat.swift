/// What lines look like (docs/decisions/0026).
public enum LogFormat: Sendable, Equatable {
    /// The text of SuperTokens' core: `time | level | pid | version | thread | caller | message`.
    case supertokens
    /// A JSON object in each line, with the names of SuperTokens' core: its `use_structured_logging`.
    case supertokensJSON
    /// A JSON object in each line, with the names of OpenTelemetry's log data model and times of RFC 3339.
    case json
}
