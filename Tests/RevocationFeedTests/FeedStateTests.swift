import Foundations
import Synchronization
import TestSupport
import Testing

@testable import RevocationFeed

@Suite("What an answer of the feed does")
struct FeedStateTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    private func page(
        _ next: String, stream: String = "a", reset: Bool = false, more: Bool = false, age: Int64 = 100
    ) -> FeedPage {
        FeedPage(stream: stream, isReset: reset, hasMore: more, age: Milliseconds(age), next: next)
    }

    @Test("fresh from the question on, less the age, and not before the snapshot is whole")
    func snapshot() throws {
        var state = FeedState(startedAt: at(0))
        #expect(state.cursor == nil && state.freshAt == nil && state.lastFreshAt == at(0))
        try state.take(page("1", reset: true, more: true), askedAt: at(1_000))
        #expect(state.cursor == "1" && state.freshAt == nil)
        try state.take(page("2", more: true), askedAt: at(2_000))
        #expect(state.freshAt == nil)
        try state.take(page("3"), askedAt: at(3_000))
        #expect(state.cursor == "3" && state.freshAt == at(2_900) && state.lastFreshAt == at(2_900))
        try state.take(page("4", age: 9_000), askedAt: at(4_000))
        #expect(state.freshAt == at(2_900), "what was known stays known")
        try state.take(page("5", more: true), askedAt: at(5_000))
        #expect(state.freshAt == at(2_900) && state.cursor == "5")
        try state.take(page("6", age: .max), askedAt: at(6_000))
        #expect(state.freshAt == at(2_900))
    }

    @Test("another stream is silence until its snapshot is whole")
    func streams() throws {
        var state = FeedState(startedAt: at(0))
        try state.take(page("1", reset: true), askedAt: at(1_000))
        try state.take(page("x1", stream: "b", reset: true, more: true), askedAt: at(2_000))
        #expect(state.freshAt == nil && state.lastFreshAt == at(900))
        try state.take(page("x2", stream: "b", age: 1_800), askedAt: at(2_500))
        #expect(state.freshAt == at(700) && state.lastFreshAt == at(900))
        try state.take(page("x3", stream: "b", reset: true, more: true), askedAt: at(3_000))
        #expect(state.freshAt == at(700), "a snapshot of the same stream takes nothing back")
    }

    @Test("an answer that continues something else makes the next question begin again", arguments: 0..<4)
    func outOfTurn(kind: Int) throws {
        var state = FeedState(startedAt: at(0))
        if kind > 0 { try state.take(page("1", reset: true), askedAt: at(1_000)) }
        let before = state.freshAt
        let answer = [
            page("2"), page("2", stream: "b"), page("1", more: true), page("1", reset: true, more: true),
        ][kind]
        #expect(throws: FeedProblem.outOfTurn) { try state.take(answer, askedAt: at(2_000)) }
        #expect(state.cursor == nil && state.freshAt == before)
        #expect(throws: FeedProblem.outOfTurn) { try state.take(page("3"), askedAt: at(3_000)) }
        try state.take(page("4", reset: true), askedAt: at(4_000))
        #expect(state.cursor == "4" && state.freshAt == at(3_900))
    }

    @Test("a wall clock that jumps makes everything be asked for again")
    func clocks() throws {
        var state = FeedState(startedAt: at(0))
        try state.take(page("1", reset: true), askedAt: at(1_000))
        func jumps(_ wall: Int64, _ steady: MonotonicTime) -> Bool {
            state.compareClocks(Timestamp(milliseconds: wall), steady)
        }
        var jumped = [jumps(1_000_000, at(1_000)), jumps(1_031_000, at(2_000))]
        #expect(jumped == [false, false] && state.cursor == "1", "30 s are none")
        jumped = [jumps(1_033_001, at(3_000))]
        #expect(jumped == [true] && state.cursor == nil && state.freshAt == nil)
        jumped = [jumps(1_034_000, at(4_000)), jumps(.min, at(5_000)), jumps(.max, at(.max / 1_000_000))]
        #expect(jumped == [false, true, true])
    }

    /// A core that knows entries by their number and may forget where its readers are.
    private struct Core {
        var entries: [FeedEntry] = []
        var stream = "0"
        var isForgetful = false

        /// An answer in pages of `size`.
        func answer(_ cursor: String?, size: Int) -> FeedPage {
            let parts = cursor?.split(separator: "-").map(String.init) ?? []
            let from = parts.first == stream && !isForgetful ? Int(parts[1]) : nil
            let start = from ?? 0
            let end = min(start + size, entries.count)
            return FeedPage(
                stream: stream, isReset: from == nil, hasMore: end < entries.count, age: Milliseconds(10),
                next: "\(stream)-\(end)", entries: Array(entries[start..<end]))
        }
    }

    @Test("after faults of every kind all that ended is known once the feed is fresh", arguments: 0..<60)
    func model(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let clock = TestSteps()
        let verifier = FeedVerifier(
            policy: FeedPolicy(), steady: { clock.steady }, time: { RevocationSetTests.now })
        var core = Core()
        var freshSteps = 0
        var known: [(digest: RevocationDigest, entry: FeedEntry, at: MonotonicTime)] = []
        for step in 0..<300 {
            clock.advance(Int64(random.upTo(2_000)))
            for _ in 0..<random.upTo(4) {
                let digest = RevocationDigest(of: "\(random.next())")
                let entry = FeedEntry.session(
                    digest, at: RevocationSetTests.now, until: RevocationSetTests.now + .seconds(60))
                core.entries.append(entry)
                known.append((digest, entry, clock.steady))
            }
            switch random.upTo(40) {
            case 0:
                // A store that was restored: what it forgot is known to those who had heard of it, and to no one else.
                (core.stream, core.entries) = ("\(step + 1)", core.entries.suffix(3))
                let kept = Set(core.entries)
                known.removeAll { !kept.contains($0.entry) && !verifier.set.hasEnded($0.digest) }
            case 1: core.isForgetful = true
            default: core.isForgetful = false
            }
            let askedAt = clock.steady
            let before = verifier.cursor()
            var answer = core.answer(before, size: 1 + random.upTo(6))
            switch random.upTo(12) {
            case 0: continue  // The answer was lost.
            case 1: answer.entries.shuffle(using: &random)
            case 2: answer.entries += answer.entries
            case 3: (answer.stream, answer.isReset) = ("other", false)
            default: break
            }
            _ = try? verifier.take(answer, askedAt: askedAt)
            if verifier.status.isFresh {
                let fresh = clock.steady + .milliseconds(-verifier.status.staleness.count)
                let missing = known.filter { $0.at <= fresh && !verifier.set.hasEnded($0.digest) }
                #expect(missing.isEmpty, "seed \(seed), step \(step): \(missing.count) missing")
                freshSteps += 1
            }
        }
        #expect(freshSteps > 15, "seed \(seed)")
    }
}

/// A steady clock that a test moves.
final class TestSteps: Sendable {
    private let milliseconds = Atomic<Int64>(1_000_000)

    var steady: MonotonicTime { MonotonicTime(nanoseconds: milliseconds.load(ordering: .relaxed) * 1_000_000) }

    func advance(_ count: Int64) { milliseconds.add(count, ordering: .relaxed) }
}
