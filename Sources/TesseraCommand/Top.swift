import ArgumentParser
import Foundations
import OperatorTools
import PlatformLibC
import SessionDoctor

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `tessera top`: what a core does now.
struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a core does now: rates, latencies, answers, sessions, storage, keys.",
        discussion: """
            Reads the core's page of metrics again and again until it is interrupted. Plain text where the output is \
            no terminal; with --once one frame, with averages since the start of the core.
            """)

    @Argument(help: "Where the page is.")
    var url = "http://127.0.0.1:9567/metrics"

    @Option(help: "Seconds between two frames.")
    var interval = 2

    @Flag(help: "Print one frame and end.")
    var once = false

    func validate() throws {
        guard (1...3_600).contains(interval) else { throw ValidationError("--interval is 1 to 3600 seconds.") }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        guard let address = WebAddress(url), address.scheme == "http" else {
            throw Failure("the page of metrics is named by a URL that begins with http://")
        }
        let clock = ClockAndRandomness.system
        var before: (page: MetricsPage, at: MonotonicTime)?
        while true {
            let page = try await page(address)
            let (present, time) = (MonotonicTime.present, Double(clock.time().milliseconds) / 1_000)
            let seconds = before.map { Double((present - $0.at).inMilliseconds) / 1_000 } ?? 0
            let frame = TopFrame(page, since: before?.page, seconds: seconds, time: time)
            guard show(frame), !once else { return }
            before = (page, present)
            await clock.pause(.seconds(Int64(interval)))
        }
    }

    private func page(_ address: WebAddress) async throws -> MetricsPage {
        switch await ProbeTransport().send(ProbeRequest("GET", address)) {
        case .failure(let failure):
            throw Failure("\(url): \(failure); is metrics_listen of the core set, and is it this address?")
        case .reply(let reply):
            guard reply.isSuccess else { throw Failure("\(url) answers \(reply.status)") }
            return MetricsPage(parsing: reply.body)
        }
    }

    /// Writes a frame; returns whether it is still read.
    private func show(_ frame: TopFrame) -> Bool {
        guard isatty(STDOUT_FILENO) == 1, !once else { return Console.prints(frame.text() + (once ? "" : "\n")) }
        let isColored = ProcessInfo.processInfo.environment["NO_COLOR"] ?? "" == ""
        let text = frame.text(width: Self.width, isColored: isColored)
        // From the first column of the first line, each line and the rest of the screen cleared: without flicker.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\u{1B}[K\n")
        return Console.prints("\u{1B}[H" + lines + "\u{1B}[J")
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
