import ArgumentParser
import Foundations
import PlatformLibC
import PublicSuffixList
import SessionDoctor

extension Doctor {
    /// `tessera doctor URL --site ORIGIN`, and without a URL this machine.
    struct Examine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Examine an application's sessions from outside, or this machine (the default).",
            discussion: """
                The exit code is 1 when something is BAD, and 0 otherwise. Tokens are shown as their length. With --login a session is \
                made, refreshed and signed out. https is asked with the system's curl.
                """)

        @Argument(
            help:
                "Where the session routes are: apiDomain, apiGatewayPath and apiBasePath, such as https://api.example.com/auth."
        )
        var url: String?

        @Option(help: "The origin of the front end, such as https://app.example.com.")
        var site: String?

        @Option(
            help: "A log-in: 'POST /login BODY', or @FILE with the same, which keeps a password off the command line.")
        var login: String?

        @Option(help: "A call that needs a session, such as 'GET /me'.")
        var protected: String?

        @Option(help: "A stream of events, such as 'GET /events'.")
        var stream: String?

        @Option(help: "The session routes past proxies and gateways, to see what those drop.")
        var direct: String?

        @Option(help: "The core's address, to see whether it is the one that does not answer.")
        var core: String?

        @Option(help: "What the front end has as apiDomain, where its scripts do not show it.")
        var frontendApi: String?

        @Option(help: "The domain that cookies had before it was changed.")
        var oldDomain: String?

        @Option(help: "How the front end carries tokens: cookie or header. By default as the backend's answers show.")
        var mode: String?

        @Option(help: "The status of an expired session (sessionExpiredStatusCode of both sides).")
        var expiredStatus = 401

        @Flag(help: "The application makes the --protected call by itself, without the front end's SDK.")
        var plainFetch = false

        @Option(help: "A finding that is meant and not to be reported, such as D11; can be repeated.")
        var accept: [String] = []

        @Option(
            help: "Use an address for a host and port, as curl does: api.example.com:443:127.0.0.1; can be repeated.")
        var resolve: [String] = []

        @Option(help: "Trust the certificates of this file for https.")
        var cacert: String?

        @Option(help: "How many seconds to wait for an answer.")
        var timeout = 5

        @Flag(help: "Print one line of JSON.")
        var json = false

        @OptionGroup(title: "Of this machine") var machine: CoreOptions

        func validate() throws {
            guard (1...600).contains(timeout) else { throw ValidationError("--timeout is 1 to 600 seconds.") }
            guard mode.map({ TokenMode(rawValue: $0) != nil }) ?? true else {
                throw ValidationError("--mode is cookie or header.")
            }
            if url != nil, site == nil {
                throw ValidationError("Name the origin of the front end: --site https://app.example.com")
            }
            if url == nil, site != nil { throw ValidationError("Name the URL of the session routes before --site.") }
            for text in resolve where ProbeTransport.resolution(text) == nil {
                throw ValidationError("--resolve is HOST:PORT:ADDRESS.")
            }
        }

        func run() async throws {
            signal(SIGPIPE, SIG_IGN)
            let report = if let url { try await examine(url) } else { await MachineExamination(machine).report() }
            print(json ? report.json + "\n" : report.text, terminator: "")
            if !report.isWell { throw ExitCode(1) }
        }
    }
}
