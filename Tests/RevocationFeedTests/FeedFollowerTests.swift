import Foundations
import LosslessJSON
import Synchronization
import TestSupport
import Testing

@testable import RevocationFeed

@Suite("Reader of the feed")
struct FeedFollowerTests {
    /// Cores that answer as a test wants, on a clock that the reader's pauses move.
    final class Scene: Sendable {
        typealias Script = @Sendable (_ number: Int, FeedRequest) -> FeedReply

        let clock = TestSteps()
        let verifier: FeedVerifier
        let follower: FeedFollower
        private let log = Log()

        final class Log: Sendable {
            let requests = Mutex<[FeedRequest]>([])
            let news = Mutex<[FeedNews]>([])
            let pauses = Mutex<[Int64]>([])
        }

        init(cores: Int = 1, seed: UInt64 = 0, policy: FeedPolicy = FeedPolicy(), script: @escaping Script) {
            let (clock, log) = (clock, log)
            let random = Mutex(SplitMix64(seed: seed))
            verifier = FeedVerifier(policy: policy, steady: { clock.steady }, time: { RevocationSetTests.now })
            follower = FeedFollower(
                cores: cores, verifier: verifier,
                .init(
                    ask: { request in
                        let number = log.requests.withLock { requests in
                            requests.append(request)
                            return requests.count - 1
                        }
                        return script(number, request)
                    },
                    steady: { clock.steady }, randomBits: { random.withLock { $0.next() } },
                    pause: { span in
                        log.pauses.withLock { $0.append(span.count) }
                        clock.advance(span.count)
                    }, news: { news in log.news.withLock { $0.append(news) } }))
        }

        var requests: [FeedRequest] { log.requests.withLock { $0 } }
        var news: [FeedNews] { log.news.withLock { $0 } }
    }

    static func reply(
        _ next: String, reset: Bool = false, more: Bool = false, stream: String = "s", _ entries: [FeedEntry] = []
    ) -> FeedReply {
        let page = FeedPage(
            stream: stream, isReset: reset, hasMore: more, age: Milliseconds(0), next: next, entries: entries)
        return .answer(status: 200, body: page.object.serialized(), retryAfterSeconds: nil)
    }

    @Test("a snapshot in pages, then long polls of a second with the newest cursor")
    func poll() async {
        let scene = Scene { number, _ in
            switch number {
            case 0: Self.reply("a b".replacing(" ", with: "&"), reset: true, more: true)
            case 1: Self.reply("2", reset: true)
            default: Self.reply("\(number + 1)")
            }
        }
        var rests: [Int64] = []
        for _ in 0..<4 { rests.append(await scene.follower.turn().count) }
        #expect(
            scene.requests.map(\.path) == [
                "/tessera/feed?wait=0", "/tessera/feed?wait=0&after=a%26b", "/tessera/feed?wait=1&after=2",
                "/tessera/feed?wait=1&after=3",
            ])
        #expect(scene.requests.map(\.timeout.count) == [2_000, 2_000, 3_000, 3_000])
        #expect(rests == [0, 250, 250, 250], "a core that holds nothing back is not asked without end")
        #expect(scene.verifier.status.isFresh && scene.news.isEmpty)
    }

    @Test("a failure is followed by the next core at once, and by a pause once all have failed")
    func failures() async {
        let scene = Scene(cores: 3) { _, _ in .none("refused") }
        var rests: [Int64] = []
        for _ in 0..<9 { rests.append(await scene.follower.turn().count) }
        #expect(scene.requests.map(\.core) == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        #expect(rests.prefix(2).allSatisfy { (1...250).contains($0) })
        #expect(rests.dropFirst(2).allSatisfy { (500...2_000).contains($0) } && Set(rests).count > 4)
        #expect(scene.news == [.failed("refused")])
    }

    @Test(
        "what is no answer is a failure, and takes nothing away",
        arguments: [401, 404, 500, 503, 200, 201, 301])
    func bad(status: Int) async {
        let ended = FeedEntry.session(
            RevocationDigest(of: "s"), at: RevocationSetTests.now, until: RevocationSetTests.now + .seconds(9))
        let scene = Scene { number, _ in
            number % 2 == 0
                ? Self.reply("\(number)", reset: true, [ended])
                : .answer(status: status, body: Array("{}".utf8), retryAfterSeconds: status == 503 ? 3 : nil)
        }
        _ = await scene.follower.turn()
        let rest = await scene.follower.turn()
        #expect(rest >= Milliseconds(status == 503 ? 3_000 : 500) && rest <= .seconds(3))
        #expect(scene.verifier.set.hasEnded(RevocationDigest(of: "s")))
        _ = await scene.follower.turn()
        _ = await scene.follower.turn()
        #expect(scene.news.count == 2, "a failure of each row is said")
    }

    @Test("a core that always has more is left after a thousand pages")
    func endless() async {
        let scene = Scene { number, _ in Self.reply("\(number)", reset: true, more: true) }
        var turns = 0
        while await scene.follower.turn() == Milliseconds(0), turns < 5_000 { turns += 1 }
        #expect(turns == FeedFollower.pageLimit - 1 && !scene.verifier.status.isFresh)
    }

    @Test("killed keys are said once")
    func keys() async {
        let killed = FeedEntry.key("d-1", at: RevocationSetTests.now)
        let scene = Scene { number, _ in Self.reply("\(number)", reset: number == 0, [killed]) }
        for _ in 0..<3 { _ = await scene.follower.turn() }
        #expect(scene.news == [.killed(["d-1"])])
    }

    @Test("it reads until its task is cancelled")
    func cancellation() async {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let scene = Scene { number, _ in
            if number == 3 { begin.finish() }
            return Self.reply("\(number)", reset: number == 0)
        }
        let task = Task { await scene.follower.run() }
        for await _ in begun {}
        task.cancel()
        await task.value
        #expect(scene.requests.count >= 4)
    }

    @Test(
        "after 1,000 faults of a thousand kinds nothing older than the feed's age is missing (RF15)", arguments: 0..<3)
    func disconnects(seed: UInt64) async {
        struct State {
            var random: SplitMix64
            var entries: [(digest: RevocationDigest, at: MonotonicTime)] = []
            var stream = 0
            var faults = 0
        }
        let state = Mutex(State(random: SplitMix64(seed: seed)))
        let clock = Mutex<TestSteps?>(nil)
        let scene = Scene(cores: 3, seed: seed) { _, request in
            guard let clock = clock.withLock({ $0 }) else { return .none("not yet") }
            return state.withLock { state in
                // Time passes while the question is under way, and sessions end.
                for _ in 0..<5 {
                    clock.advance(Int64(state.random.upTo(100)))
                    state.entries.append((RevocationDigest(of: "\(state.random.next())"), clock.steady))
                }
                if state.random.upTo(200) == 0 { state.stream += 1 }
                let all = state.entries
                let cursor = request.path.split(separator: "after=").last.map { $0.split(separator: "-") } ?? []
                let isKnown = cursor.count == 2 && cursor[0] == "\(state.stream)" && state.random.upTo(20) > 0
                let start = isKnown ? min(Int(cursor[1]) ?? 0, all.count) : max(0, all.count - 1_000)
                let end = min(all.count, start + 1 + state.random.upTo(800))
                let entries = all[start..<end].map {
                    FeedEntry.session(
                        $0.digest, at: RevocationSetTests.now, until: RevocationSetTests.now + .seconds(60))
                }
                let fault = state.random.upTo(4)
                if fault < 2 { state.faults += 1 }
                if fault == 0 { return .none("cut") }
                guard
                    case .answer(_, var body, _) = Self.reply(
                        "\(state.stream)-\(end)", reset: !isKnown, more: end < all.count, stream: "\(state.stream)",
                        entries)
                else { return .none("") }
                if fault == 1 { body.removeLast(1 + state.random.upTo(body.count)) }
                return .answer(status: 200, body: body, retryAfterSeconds: nil)
            }
        }
        clock.withLock { $0 = scene.clock }
        while state.withLock({ $0.faults }) < 1_000 {
            let rest = await scene.follower.turn()
            scene.clock.advance(rest.count)
            guard scene.verifier.status.isFresh else { continue }
            let known = scene.clock.steady + .milliseconds(-scene.verifier.status.staleness.count)
            state.withLock { state in
                // What is older than the snapshots of this core is over.
                let missing = state.entries.suffix(500).filter {
                    $0.at <= known && !scene.verifier.set.hasEnded($0.digest)
                }
                #expect(missing.isEmpty, "seed \(seed): \(missing.count) missing")
            }
        }
    }
}
