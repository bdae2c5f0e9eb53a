import Foundations
import Synchronization
import TestSupport
import Testing

@testable import RevocationFeed

@Suite("Verdicts about tokens by the feed")
struct FeedVerdictTests {
    static let now = RevocationSetTests.now

    /// A verifier with a clock, and what it counted and said.
    final class Bench: Sendable {
        let clock = TestSteps()
        let verifier: FeedVerifier
        let counted = Mutex<[String: Int]>([:])
        let changes: Mutex<[Bool]>

        init(_ policy: FeedPolicy = FeedPolicy(), isFresh: Bool = true, _ entries: [FeedEntry] = []) throws {
            let (clock, box) = (clock, Box())
            changes = Mutex([])
            verifier = FeedVerifier(
                policy: policy, steady: { clock.steady }, time: { FeedVerdictTests.now },
                hasChanged: { box.bench?.note($0.isFresh) }, count: { box.bench?.count($0) })
            box.set(self)
            if isFresh {
                try answer(entries, isReset: true)
            } else {
                verifier.set.add(entries, at: FeedVerdictTests.now)
            }
        }

        func answer(_ entries: [FeedEntry] = [], isReset: Bool = false) throws {
            let page = FeedPage(stream: "s", isReset: isReset, age: Milliseconds(0), next: "n", entries: entries)
            _ = try verifier.take(page, askedAt: clock.steady)
        }

        func verdict(_ session: String? = "s", iat: Int64 = 0, user: String = "u", tenant: String = "t") -> FeedVerdict
        {
            verifier.verdict(
                on: FeedSubject(
                    keyID: "k", session: session, users: [user], tenant: tenant,
                    issuedAt: FeedVerdictTests.now + Milliseconds(iat)))
        }

        private func note(_ isFresh: Bool) { changes.withLock { $0.append(isFresh) } }
        private func count(_ verdict: FeedVerdict) { counted.withLock { $0[verdict.name ?? "", default: 0] += 1 } }

        private final class Box: Sendable {
            private let state = Mutex<Weak>(Weak())
            private struct Weak { weak var bench: Bench? }
            var bench: Bench? { state.withLock(\.bench) }
            func set(_ bench: Bench) { state.withLock { $0.bench = bench } }
        }
    }

    static let until = now + .seconds(3_600)
    static let cutOff = FeedEntry.user(RevocationDigest(of: "u"), tenant: nil, at: now, until: until)

    @Test("what the feed says goes before its freshness", arguments: [true, false])
    func findings(isFresh: Bool) throws {
        let bench = try Bench(
            FeedPolicy(whenSilent: .accept), isFresh: isFresh,
            [.session(RevocationDigest(of: "s"), at: Self.now, until: Self.until), Self.cutOff])
        #expect(bench.verdict() == .ended)
        #expect(bench.verdict("other", iat: -10_001) == .cutOff)
        #expect(bench.verdict("other", iat: 10_001) == (isFresh ? .accepted : .staleAccepted))
        #expect(bench.verdict(nil, iat: -10_001) == (isFresh ? .accepted : .staleAccepted))
        bench.verifier.set.add([.key("k", at: Self.now)], at: Self.now)
        #expect(bench.verdict() == .killedKey && bench.verdict(nil) == .killedKey)
        #expect(bench.counted.withLock { $0["ended"] == 1 && $0["cutoff"] == 1 && $0["key"] == 2 })
    }

    @Test("near a cut-off the core is asked once per session", arguments: [-10_000, 0, 9_999, 10_000])
    func band(iat: Int64) throws {
        let bench = try Bench(FeedPolicy(questionsPerSecond: 0), [Self.cutOff])
        guard case .ask(let question) = bench.verdict(iat: iat) else { return #expect(Bool(false), "asks") }
        #expect(bench.verifier.verdict(after: .alive, of: question) == .accepted)
        #expect(bench.verdict(iat: iat) == .accepted)
        guard case .ask(let other) = bench.verdict("s2", iat: iat) else { return #expect(Bool(false), "asks") }
        #expect(bench.verifier.verdict(after: .ended, of: other) == .cutOff)
        for _ in 0..<3 { #expect(bench.verdict("s2", iat: iat) == .cutOff) }
        guard case .ask(let third) = bench.verdict("s3", iat: iat) else { return #expect(Bool(false), "asks") }
        #expect(bench.verifier.verdict(after: .failed, of: third) == .staleRejected)
        #expect(bench.verdict("s3", iat: iat) == .staleRejected && bench.verdict("s4", iat: iat) == .staleRejected)
        bench.clock.advance(1_000)
        guard case .ask = bench.verdict("s3", iat: iat) else { return #expect(Bool(false), "asks again") }
        try bench.answer([
            .user(RevocationDigest(of: "u"), tenant: nil, at: Self.now + Milliseconds(1), until: Self.until)
        ])
        guard case .ask = bench.verdict("s2", iat: max(iat, -9_999)) else {
            return #expect(Bool(false), "another cut-off")
        }
    }

    @Test("a cut-off of one tenant concerns that tenant")
    func tenants() throws {
        let user = RevocationDigest(of: "u")
        let bench = try Bench(
            FeedPolicy(), [.user(user, tenant: RevocationDigest(of: "t"), at: Self.now, until: Self.until)])
        #expect(bench.verdict(iat: -60_000) == .cutOff && bench.verdict(iat: -60_000, tenant: "t2") == .accepted)
        #expect(bench.verdict(iat: -60_000, user: "v") == .accepted)
    }

    @Test("silence is what the policy says, from its bound on and never a word about the session")
    func silence() throws {
        for policy in FeedPolicy.WhenSilent.allCases {
            let bench = try Bench(FeedPolicy(whenSilent: policy))
            bench.clock.advance(5_000)
            #expect(bench.verdict() == .accepted)
            bench.clock.advance(1)
            let verdict = bench.verdict()
            switch policy {
            case .reject: #expect(verdict == .staleRejected)
            case .accept: #expect(verdict == .staleAccepted)
            case .ask: if case .ask = verdict {} else { #expect(Bool(false), "\(verdict)") }
            }
            bench.clock.advance(54_999)
            if policy != .ask { #expect(bench.verdict() == (policy == .accept ? .staleAccepted : .staleRejected)) }
            bench.clock.advance(1)
            if policy != .ask { #expect(bench.verdict() == .staleRejected) }
            _ = bench.verdict()
            try bench.answer()
            #expect(bench.verdict() == .accepted)
            #expect(bench.changes.withLock { $0 } == [true, false, true])
        }
    }

    @Test("at its start a verifier is silent, and its grace is counted from there")
    func start() throws {
        let bench = try Bench(FeedPolicy(whenSilent: .accept), isFresh: false)
        #expect(bench.verdict() == .staleAccepted)
        bench.clock.advance(60_001)
        #expect(bench.verdict() == .staleRejected)
        let forever = try Bench(FeedPolicy(whenSilent: .accept, longestStaleness: nil), isFresh: false)
        forever.clock.advance(1 << 40)
        #expect(forever.verdict() == .staleAccepted)
    }

    @Test("a silent feed's questions are few: a cap, kept answers, a pause after a failure")
    func questions() throws {
        let bench = try Bench(FeedPolicy(questionsPerSecond: 100), isFresh: false)
        var asked: [FeedQuestion] = []
        for number in 0..<1_000 {
            switch bench.verdict("s\(number)") {
            case .ask(let question): asked.append(question)
            case let verdict: #expect(verdict == .staleAccepted)
            }
        }
        #expect(asked.count == 100)
        for (number, question) in asked.enumerated() {
            let answer = number < 50 ? FeedAnswer.alive : .ended
            #expect(bench.verifier.verdict(after: answer, of: question) == (number < 50 ? .accepted : .ended))
        }
        bench.clock.advance(4_999)
        #expect(bench.verdict("s0") == .accepted && bench.verdict("s99") == .ended)
        bench.clock.advance(1)
        guard case .ask(let question) = bench.verdict("s0") else {
            return #expect(Bool(false), "the answer was kept 5 s")
        }
        #expect(bench.verifier.verdict(after: .failed, of: question) == .staleAccepted)
        bench.clock.advance(999)
        #expect(bench.verdict("s1") == .staleAccepted)
        bench.clock.advance(1)
        if case .ask = bench.verdict("s1") {} else { #expect(Bool(false), "the pause is a second") }
        bench.clock.advance(60_000)
        for _ in 0..<100 { _ = bench.verdict("s1") }
        #expect(bench.verdict("s1") == .staleRejected, "beyond the cap and too old")
        #expect(bench.verdict(nil) == .staleRejected, "nobody can be asked about a token without a session")
    }

    @Test("answers are kept in bounded room")
    func room() {
        var questions = FeedQuestions()
        let start = MonotonicTime(nanoseconds: 0)
        for number in 0..<(3 * FeedQuestions.capacity) {
            let question = FeedQuestion(
                session: RevocationDigest(high: UInt64(number), low: 0), cutOff: nil, life: .seconds(1_000))
            questions.note(.alive, to: question, at: start)
            #expect(questions.answer(to: question, at: start) == .alive)
        }
        #expect(questions.count <= FeedQuestions.capacity)
    }

    @Test("names of verdicts are those of the metrics")
    func names() {
        let question = FeedQuestion(session: RevocationDigest(of: ""), cutOff: nil, life: .seconds(0))
        let all: [FeedVerdict] = [.ended, .cutOff, .killedKey, .ask(question), .staleAccepted, .staleRejected]
        #expect(all.map(\.name) == FeedVerdict.names && FeedVerdict.accepted.name == nil)
    }

    @Test("a policy out of bounds is the nearest within")
    func bounds() {
        let policy = FeedPolicy(silence: Milliseconds(-1), questionsPerSecond: -5)
        #expect(policy.silence == .seconds(2) && policy.questionsPerSecond == 0)
    }
}
