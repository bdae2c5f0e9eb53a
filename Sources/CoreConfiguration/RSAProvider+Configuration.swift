import SessionService

extension RSAProvider {
    /// Reads `rsa_provider`.
    init(_ values: ConfigurationValues) throws(ConfigurationError) {
        let text = values.text(.rsaProvider) ?? Self.automatic.rawValue
        guard let provider = RSAProvider(rawValue: text.lowercased()) else {
            throw values.error("'rsa_provider' must be \"automatic\", \"boringssl\" or \"openssl\".")
        }
        guard provider.isBuiltIn else {
            throw values.error(
                "'rsa_provider' is \"\(provider.rawValue)\", and this program was built without it: build with "
                    + "'swift build --traits OpenSSL', or set \"automatic\".")
        }
        self = provider
    }
}
