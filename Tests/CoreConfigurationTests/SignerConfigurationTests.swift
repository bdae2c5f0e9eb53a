import Testing

@testable import CoreConfiguration

@Suite struct SignerConfigurationTests {
    private func read(_ yaml: String) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: (yaml, "/c.yaml"))
    }

    @Test func `A signer is memory or a socket`() throws {
        #expect(try read("").signer == nil)
        #expect(try read("signer: memory").signer == nil)
        let found = try read("signer: unix:/run/tessera-signer/socket\nsigner_timeout: 0.5")
        #expect(found.signer == "/run/tessera-signer/socket" && found.signerTimeout == 0.5)
    }

    @Test(arguments: [
        "signer: tcp://host", "signer: unix:relative", "signer: 'unix:'", "signer: /run/s",
        "signer: unix:/" + String(repeating: "a", count: 100), "signer_timeout: 0", "signer_timeout: 11",
    ])
    func `Anything else is refused by the key's name`(yaml: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(yaml) }
        #expect(error?.description.contains("signer") == true)
    }
}
