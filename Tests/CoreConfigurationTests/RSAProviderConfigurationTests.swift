import SessionService
import Testing

@testable import CoreConfiguration

@Suite("rsa_provider (docs/decisions/0023)")
struct RSAProviderConfigurationTests {
    private func read(
        _ yaml: String, environment: [String: String] = [:]
    ) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: (yaml, "/etc/config.yaml"), environment: environment)
    }

    @Test("the default measures; the file and the environment can decide")
    func values() throws {
        #expect(try read("").rsaProvider == .automatic)
        #expect(try read("rsa_provider: BoringSSL").rsaProvider == .boringssl)
        #expect(
            try read("rsa_provider: automatic", environment: ["TESSERA_RSA_PROVIDER": "boringssl"]).rsaProvider
                == .boringssl)
    }

    @Test("another name is told with the names there are")
    func unknown() {
        let text = "'rsa_provider' must be \"automatic\", \"boringssl\" or \"openssl\"."
        let environment = ["TESSERA_RSA_PROVIDER": "libressl"]
        let error = #expect(throws: ConfigurationError.self) { try OperatorConfiguration(environment: environment) }
        #expect(error?.description == "TESSERA_RSA_PROVIDER in the environment: \(text) It is \"libressl\".")
    }

    @Test("openssl needs a program that was built with it, and the refusal says how")
    func openSSL() throws {
        guard !RSAProvider.openssl.isBuiltIn else {
            #expect(try read("rsa_provider: openssl").rsaProvider == .openssl)
            return
        }
        do throws(ConfigurationError) {
            _ = try read("rsa_provider: openssl")
            Issue.record("taken")
        } catch {
            #expect(error.description.contains("swift build --traits OpenSSL"))
        }
    }
}
