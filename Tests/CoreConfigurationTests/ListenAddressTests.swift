import CoreConfiguration
import Testing

@Suite("metrics_listen")
struct ListenAddressTests {
    @Test(
        "an address with its port, or off",
        arguments: [
            ("10.0.0.5:9567", ListenAddress(host: "10.0.0.5", port: 9_567)),
            ("localhost:0", ListenAddress(host: "localhost", port: 0)),
            ("[::1]:65535", ListenAddress(host: "::1", port: 65_535)), ("off", nil), ("OFF", nil),
        ] as [(String, ListenAddress?)])
    func good(text: String, address: ListenAddress?) throws {
        let configuration = try OperatorConfiguration(environment: ["TESSERA_METRICS_LISTEN": text])
        #expect(configuration.metrics == address && configuration.isMetricsAddressGiven)
        let mustWarn = address?.host == "10.0.0.5"
        #expect(configuration.warnings.contains { $0.contains("without a key") } == mustWarn)
    }

    @Test(
        "anything else ends the start",
        arguments: ["9567", ":9567", "::1:9567", "a:", "a:-1", "a:65536", "a:9567x", "none", "http://a:1/x", "[]:1"])
    func bad(text: String) {
        #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(environment: ["TESSERA_METRICS_LISTEN": text])
        }
    }

    @Test("nobody has to say anything")
    func standard() throws {
        let configuration = try OperatorConfiguration()
        #expect(configuration.metrics == ListenAddress(host: "127.0.0.1", port: 9_567))
        #expect(!configuration.isMetricsAddressGiven)
    }
}
