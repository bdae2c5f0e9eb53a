/// Where the spans of requests go.
public enum TraceDestination: Sendable, Equatable {
    /// A file, one export a line.
    case file(path: String)
    /// A collector, by the address that exports are posted to.
    case collector(TraceCollectorAddress)

    /// As it is written in a configuration.
    var text: String {
        switch self {
        case .file(let path): "file:\(path)"
        case .collector(let address): address.text
        }
    }
}

/// The address of a collector.
public struct TraceCollectorAddress: Sendable, Equatable {
    /// Whether it is `https`.
    public let isEncrypted: Bool
    /// The host and the port, as they were written.
    public let authority: String
    /// Where exports are posted; that of OTLP where the address has none.
    public let path: String

    private static let standardPath = "/v1/traces"

    /// Reads an address; `nil` for one with a name, a password, a query or a fragment.
    ///
    /// - Parameter text: such as `http://localhost:4318/v1/traces`.
    init?(_ text: String) {
        guard let address = WebURL(text), !address.rest.contains("?") else { return nil }
        isEncrypted = address.isEncrypted
        authority = address.authority
        path = address.rest.isEmpty || address.rest == "/" ? Self.standardPath : address.rest
    }

    /// The whole address.
    public var text: String { "\(isEncrypted ? "https" : "http")://\(authority)\(path)" }

    /// Whether the port is the one at which collectors speak gRPC.
    var hasPortOfGRPC: Bool { authority.hasSuffix(":4317") }
}

extension ValueFormat where Value == TraceDestination? {
    /// A file, a collector, or `off`.
    static var traceDestination: ValueFormat {
        ValueFormat(.string) { text, name in
            if text.lowercased() == "off" { return .value(nil) }
            if text.lowercased().hasPrefix("file:") {
                let given = String(text.dropFirst("file:".count))
                let path = given.hasPrefix("///") ? String(given.dropFirst(2)) : given
                guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasSuffix("/"), !path.contains("\0") else {
                    return .breach(
                        .rule(
                            "'\(name)' names no file: write its whole path, as in file:/var/log/tessera/traces.jsonl."))
                }
                return .value(.file(path: path))
            }
            guard let address = TraceCollectorAddress(text) else {
                return .breach(
                    .rule(
                        "'\(name)' must be \"off\", a file such as file:/var/log/tessera/traces.jsonl, or the address of a "
                            + "collector such as http://localhost:4318/v1/traces, without a password and a query."))
            }
            return .value(.collector(address))
        } print: { destination in
            destination?.text ?? "off"
        }
    }
}

extension ConfigurationReading {
    /// The collector that SuperTokens' key names, where ours says nothing, and what the operator should know of it.
    ///
    /// No value of it is an error: a configuration of SuperTokens may have any, and it was always without effect.
    func collector() -> (destination: TraceDestination?, warning: String?) {
        guard let text = draft.otelCollector, !has("tracing") else { return (nil, nil) }
        let key = "otel_collector_connection_uri"
        guard let address = TraceCollectorAddress(text), !address.isEncrypted else {
            return (
                nil,
                "\(key) is not used: it has to begin with http://. Set 'tracing' to the address for OTLP's JSON, such as "
                    + "http://localhost:4318/v1/traces, or to off."
            )
        }
        let port = address.hasPortOfGRPC ? "; 4317 is usually the port for gRPC, and 4318 the one for JSON" : ""
        return (
            .collector(address),
            "\(key): spans are posted to \(address.text) as OTLP's JSON over HTTP, not as gRPC\(port). Set 'tracing' to say where "
                + "they go."
        )
    }
}
