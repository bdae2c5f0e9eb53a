import ArgumentParser

/// `tessera verify`: a sidecar that verifies access tokens for a proxy.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify access tokens beside nginx, Caddy, Traefik or Envoy, without a request to the core.",
        discussion: """
            Follows the core's feed of ended sessions and answers '/tessera/authorize' (auth_request, forward_auth), \
            '/tessera/ext-authz/any' (ext_authz) and '/tessera/oauth/introspect' on this machine; docs/verify.md has recipes. \
            Each option may be in the environment: TESSERA_VERIFY_LISTEN for --listen. The API key of the core, of which one \
            of verify_api_keys suffices, is in TESSERA_VERIFY_API_KEY or in a file, and never on the command line.
            """)

    @Option(help: "The address to answer on, such as 127.0.0.1:3568, or a port of this machine alone.")
    var listen: String?

    @Option(help: "Where the core is; several, separated by commas, are asked one after the other.")
    var core: String?

    @Option(help: "The app, where it is not 'public'.")
    var app: String?

    @Option(help: "A file with the API key of the core.")
    var apiKeyFile: String?

    @Option(help: "The origins whose pages may write with cookies besides the own one, separated by commas.")
    var origins: String?

    @Option(
        help: "The origin by which clients reach what is behind the proxy; proofs of bound tokens are compared with it."
    )
    var publicOrigin: String?

    @Option(help: "While the feed is silent: 'ask' the core (the default), 'accept' for a while, or 'reject'.")
    var whenSilent: String?

    @Option(help: "After how many seconds without news the feed counts as silent; 5 by default, at least 2.")
    var silence: String?

    @Option(help: "For how many seconds after the last news what is not asked is accepted; 60 by default.")
    var longestStaleness: String?

    @Option(help: "Certificates that sign the core's, in a file; https is asked with the system's curl.")
    var cacert: String?

    func run() async throws {
        try await VerifyProcess(try VerifySettings(self)).run()
    }
}
