import ArgumentParser
import Foundations
import OperatorTools
import SessionDoctor

/// `tessera bench`: how fast something answers, from this machine.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure latencies of a URL under load.",
        discussion: """
            Without --rate each connection sends its next request when the last one is answered (a closed loop), and the table has a \
            column that is corrected for coordinated omission. With --rate requests are due at fixed times, whatever the answers do (an open \
            loop), and each latency counts from the time at which its request was due. Plain http.
            """)

    @Argument(help: "Such as http://127.0.0.1:3567/hello.")
    var url: String

    @Option(help: "Requests a second over all connections; 0 for a closed loop.")
    var rate = 0

    @Option(help: "How many connections.")
    var connections = 16

    @Option(help: "Seconds that are measured.")
    var duration = 10

    @Option(help: "Seconds before, which are not.")
    var warmUp = 2

    @Option(help: "The method.")
    var method = "GET"

    @Option(help: "The body, or @FILE.")
    var body: String?

    @Option(help: "A header field, 'Name: value'; can be repeated.")
    var header: [String] = []

    func validate() throws {
        guard (0...1_000_000).contains(rate) else { throw ValidationError("--rate is 0 to 1,000,000.") }
        guard (1...10_000).contains(connections) else { throw ValidationError("--connections is 1 to 10,000.") }
        guard (1...86_400).contains(duration), (0...3_600).contains(warmUp) else {
            throw ValidationError("--duration is 1 to 86,400 seconds, --warm-up 0 to 3,600.")
        }
    }

    func run() async throws {
        let load = BenchLoad(
            request: try request(), rate: rate, connections: connections, warmUp: .seconds(warmUp),
            duration: .seconds(duration))
        let measured = await load.run()
        let report = BenchReport(
            subject: "\(method) \(url)", rate: rate, connections: connections, seconds: Double(duration),
            latencies: measured.latencies, statuses: measured.statuses)
        print(report.text, terminator: "")
        if report.failures > 0 { throw ExitCode(1) }
    }

    private func request() throws -> ProbeRequest {
        guard let address = WebAddress(url), address.scheme == "http" else {
            throw Failure("the URL has to begin with http:// and a host")
        }
        var request = ProbeRequest(method, address)
        if let query = url.split(separator: "?", maxSplits: 1).dropFirst().first { request.query = String(query) }
        for text in header {
            let sides = text.split(separator: ":", maxSplits: 1).map(String.init)
            guard sides.count == 2 else { throw Failure("--header is 'Name: value'") }
            request.fields.append(HeaderField(sides[0], String(sides[1].trimmed { $0 == " " })))
        }
        guard let body else { return request }
        if body.hasPrefix("@") {
            guard let contents = ConfigurationFiles.contents(String(body.dropFirst())) else {
                throw Failure("--body: cannot read \(body.dropFirst())")
            }
            request.body = contents
        } else {
            request.body = body
        }
        return request
    }
}
