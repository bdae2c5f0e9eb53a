import Foundation
import Synchronization
import TesseraRemoteCore
import TesseraSessions

/// A server with sessions whose core is elsewhere, and what it asks that core.
final class Verifier: Sendable {
    let sessions: Sessions
    let wire: Wire
    private let work: Task<Void, any Error>

    /// Follows the feed from here on.
    ///
    /// - Parameters:
    ///   - cores: addresses, separated by `;`.
    ///   - feed: whether and how the feed is read.
    init(_ cores: String, _ feed: FeedOption) throws {
        let (wire, app) = (Wire(), try AppInfo(name: "Benchmark", apiDomain: "https://api.example.com"))
        let sessions = try Sessions(
            app: app, backend: RemoteCore(connectionURI: cores, app: app, feed: feed, transport: wire))
        (self.sessions, self.wire) = (sessions, wire)
        work = Task.detached { try await sessions.run() }
    }

    func stop() { work.cancel() }

    /// What is said about a token.
    func verdict(_ token: String) async -> Verdict {
        do throws(SessionError) {
            return try await sessions.session(accessToken: token) == nil ? .ended : .accepted
        } catch {
            switch error.code {
            case .unauthorised: return .ended
            case .coreUnavailable: return .unavailable
            default: return .refused
            }
        }
    }

    /// Waits until a token of a living session is accepted without a question; with `.ask` the feed must be short, because answers
    /// to questions are kept.
    func becomesFresh(with token: String, seconds: Double = 60) async throws {
        let (start, first) = (Moment(), wire.feedAnswers)
        let wanted = first == 0 ? 2 : first + 1
        while start.seconds < seconds {
            let before = wire.questions
            if await verdict(token) == .accepted, wire.questions == before, wire.feedAnswers >= wanted { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Problem("the feed was not fresh after \(seconds) s")
    }
}

enum Verdict { case accepted, ended, refused, unavailable }

struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
}

/// The way to the cores: counts what is asked, and can lose what belongs to the feed.
final class Wire: CoreTransport {
    private let asked = Atomic(0)
    private let answered = Atomic(0)
    private let isCut = Atomic(false)

    /// Requests to a core but those of the feed and of the key set.
    var questions: Int { asked.load(ordering: .relaxed) }
    /// Answers of the feed.
    var feedAnswers: Int { answered.load(ordering: .relaxed) }

    /// Loses all questions to the feed from now on, or no more.
    func cut(_ value: Bool) { isCut.store(value, ordering: .relaxed) }

    func send(_ request: CoreRequest, limit: Int) async throws(CoreTransportError) -> CoreResponse {
        let isFeed = request.url.contains("/tessera/feed")
        if isFeed, isCut.load(ordering: .relaxed) { throw .notSent("cut off") }
        if !isFeed, !request.url.contains("jwks") { asked.wrappingAdd(1, ordering: .relaxed) }
        let response = try await HTTPClientTransport.shared.send(request, limit: limit)
        if isFeed, response.status == 200 { answered.wrappingAdd(1, ordering: .relaxed) }
        return response
    }
}

/// A moment by a clock that only goes forward.
struct Moment: Sendable {
    private let instant = ContinuousClock.now
    var seconds: Double { Self.seconds(ContinuousClock.now - instant) }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}

/// What this process has used.
enum Used {
    /// Seconds of the processors.
    static var processor: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Bytes of memory now and at most so far.
    static var memory: (now: Int, peak: Int) {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        func bytes(_ name: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
            return (line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) * 1_024
        }
        return (bytes("VmRSS"), bytes("VmHWM"))
    }
}

/// Delays, as the harness reads them.
struct Delays {
    private var values: [Double] = []
    mutating func add(_ seconds: Double) { values.append(seconds) }
    mutating func add(_ other: Delays) { values += other.values }
    var count: Int { values.count }

    /// The median, 99 of 100 and the longest, in seconds, and how many there are up to some bounds.
    var summary: [String: Any] {
        let sorted = values.sorted()
        guard let last = sorted.last else { return ["count": 0] }
        func share(_ part: Double) -> Double { sorted[min(Int(Double(sorted.count) * part), sorted.count - 1)] }
        let bounds = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2]
        let steps = bounds.map { bound in ["\(bound)": sorted.count { $0 <= bound }] }
        return [
            "count": sorted.count, "median": share(0.5), "p99": share(0.99), "longest": last, "upTo": steps,
        ]
    }
}
