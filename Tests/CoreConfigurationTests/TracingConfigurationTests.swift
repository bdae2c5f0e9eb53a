import CoreConfiguration
import Testing

@Suite("tracing")
struct TracingConfigurationTests {
    private func place(_ destination: TraceDestination?) -> String {
        switch destination {
        case nil: "off"
        case .file(let path)?: path
        case .collector(let address)?: address.text
        }
    }

    @Test(
        "a file, a collector, or off",
        arguments: [
            ("off", "off"), ("OFF", "off"), ("", "off"), ("file:/var/log/t.jsonl", "/var/log/t.jsonl"),
            ("file:///tmp/t", "/tmp/t"), ("FILE:/tmp/T", "/tmp/T"),
            ("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"), ("http://[::1]:1/x", "http://[::1]:1/x"),
            ("https://otel.example.com/in/v1/traces", "https://otel.example.com/in/v1/traces"),
            ("HTTP://10.0.0.1:65535/a", "http://10.0.0.1:65535/a"),
        ])
    func good(text: String, expected: String) throws {
        let configuration = try OperatorConfiguration(environment: ["TESSERA_TRACING": text])
        #expect(place(configuration.tracing) == expected && configuration.warnings.isEmpty)
    }

    @Test(
        "anything else ends the start with a sentence that says what to write",
        arguments: [
            "on", "true", "file", "file:", "file:t.jsonl", "file:/", "file://host/t", "file:/tmp/", "localhost:4318",
            "http://", "http:///v1/traces", "http://:4318", "http://a:0/", "http://a:65536", "http://a:x", "http://a b",
            "http://user:pw@a:1/", "http://a/?key=1", "http://a/#x", "grpc://a:4317", "http://[::1", "http://[a]/x",
            "http://a:1:2/", "http://a\\b", "http://[::1]x:1/",
        ])
    func bad(text: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(environment: ["TESSERA_TRACING": text])
        }
        let words = error.map { "\($0)" } ?? ""
        #expect(words.contains("'tracing'") && words.contains("/var/log/tessera/traces.jsonl"))
    }

    @Test("the share of requests", arguments: [("0", 0), ("1", 1), ("0.05", 0.05), ("1e-3", 0.001)])
    func ratio(text: String, ratio: Double) throws {
        let configuration = try OperatorConfiguration(environment: ["TESSERA_TRACING_SAMPLE_RATIO": text])
        #expect(configuration.traceSampleRatio == ratio && configuration.tracing == nil)
    }

    @Test("a share that is none", arguments: ["-0.1", "1.1", "nan", "inf", "half"])
    func badRatio(text: String) {
        #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(environment: ["TESSERA_TRACING_SAMPLE_RATIO": text])
        }
    }

    @Test(
        "SuperTokens' key counts where ours is not set, for http alone, and says that JSON is sent",
        arguments: [
            ("http://localhost:4317", "http://localhost:4317/v1/traces", "4318"),
            ("http://otel:4318/v1/traces", "http://otel:4318/v1/traces", "JSON"),
            ("https://otel:4318", "off", "not used"), ("grpc://otel:4317", "off", "not used"),
            ("anything", "off", "not used"),
        ])
    func collector(text: String, expected: String, word: String) throws {
        let environment = ["OTEL_COLLECTOR_CONNECTION_URI": text]
        let configuration = try OperatorConfiguration(environment: environment)
        #expect(place(configuration.tracing) == expected)
        #expect(configuration.warnings.contains { $0.contains("otel_collector_connection_uri") && $0.contains(word) })
        let own = try OperatorConfiguration(
            environment: environment.merging(["TESSERA_TRACING": "off"]) { first, _ in first })
        #expect(own.tracing == nil && own.warnings.isEmpty)
    }
}
