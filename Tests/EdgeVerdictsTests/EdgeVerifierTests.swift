import Crypto
import Foundations
import LosslessJSON
import RevocationFeed
import SessionEngine
import TestSupport
import Testing

@testable import EdgeVerdicts

@Suite("Access tokens verified beside a proxy (docs/verify.md)")
struct EdgeVerifierTests {
    static let until = EdgeSample.now + .hours(1)
    static let ended = FeedEntry.session(RevocationDigest(of: EdgeSample.handle), at: EdgeSample.now, until: until)

    private static func ready(_ policy: FeedPolicy = FeedPolicy(), _ entries: [FeedEntry] = []) async throws
        -> EdgeBench
    {
        let bench = try EdgeBench(policy)
        try bench.news(entries)
        _ = try await bench.keys.current()
        return bench
    }

    @Test("before the first news nothing is said about any token")
    func start() async throws {
        for choice in FeedPolicy.WhenSilent.allCases {
            let bench = try EdgeBench(FeedPolicy(whenSilent: choice))
            #expect(await bench.verdict(try bench.token()) == .unavailable)
            #expect(await bench.verdict("nonsense") == .unavailable)
            #expect(!bench.verifier.isReady && !bench.verifier.isFresh && bench.questions == 0)
            try bench.news()
            #expect(await bench.verdict(try bench.token()).word == "active u1")
            #expect(bench.verifier.isReady && bench.verifier.isFresh)
        }
    }

    @Test(
        "while the feed is fresh a verdict is there at once, and no core is asked",
        arguments: AccessTokenFormat.allCases)
    func prompt(format: AccessTokenFormat) async throws {
        let bench = try await Self.ready()
        let key = try TestKeys.signingKey(format.isLegacy ? .rs256 : .es256)
        bench.set(keys: [key])
        bench.clock.advance(by: .seconds(61))
        _ = bench.keys.atHand()
        await bench.keys.settle()
        let fetches = bench.fetches
        let token = try bench.token(EdgeSample.claims(format, issuedAt: bench.clock.now), key)
        for _ in 0..<3 {
            guard
                case .here(let verdict) = bench.verifier.verdict(
                    on: EdgeSample.request([("authorization", "Bearer \(token)")]))
            else {
                Issue.record("\(format) has to wait")
                return
            }
            #expect(verdict.word == "active u1")
        }
        #expect(bench.questions == 0 && bench.fetches == fetches)
    }

    @Test("what is expired, forged, foreign or no token, and what has ended")
    func table() async throws {
        let bench = try await Self.ready()
        let foreign = SigningKey(
            id: try TestKeys.keyID("d-1600000000000"), kind: .dynamic, createdAt: EdgeSample.now,
            privateKey: TestKeys.foreignP256)
        let good = try bench.token()
        let application = try ApplicationToken.sign(
            payload: ["sub": "u1"], issuer: "i", issuedAt: EdgeSample.now, expiresAt: Self.until,
            with: try TestKeys.signingKey(.es256))
        let cases: [(text: String, word: String)] = [
            (good, "active u1"),
            (try bench.token(EdgeSample.claims(expiresAt: EdgeSample.now)), "expired"),
            (try bench.token(EdgeSample.claims(), foreign), "invalid"),
            (String(good.dropLast(4)) + "AAAA", "invalid"),
            (application, "invalid"), ("nonsense", "invalid"), ("a.b.c", "invalid"),
            (String(repeating: "x", count: 70_000), "invalid"),
        ]
        for (text, word) in cases { #expect(await bench.verdict(text).word == word, "\(word)") }
        #expect(await bench.verifier.verdict(on: EdgeSample.request([])).value == .inactive(.missing))
        #expect(await bench.verifier.verdict(on: "nonsense").value == .inactive(.notAnAccessToken))
        try bench.news([Self.ended])
        #expect(await bench.verdict(good) == .inactive(.ended))
    }

    @Test("expiry is looked at before the feed, so that a client refreshes")
    func expiredAndEnded() async throws {
        let bench = try await Self.ready(FeedPolicy(), [Self.ended])
        let token = try bench.token(EdgeSample.claims(expiresAt: EdgeSample.now))
        #expect(await bench.verdict(token) == .inactive(.expired))
    }

    @Test("a key that is trusted no more: at once by the feed, and it leaves the set for ever")
    func killedKey() async throws {
        let (byFeed, bySet) = (try await Self.ready(), try await Self.ready())
        let (token, key) = (try byFeed.token(), try TestKeys.signingKey(.es256))
        try byFeed.news([.key(key.id.rawValue, at: EdgeSample.now)])
        #expect(await byFeed.verdict(token) == .inactive(.invalid))
        #expect(await bySet.verdict(token).word == "active u1")
        bySet.keys.drop([key.id])
        await bySet.keys.settle()
        #expect(bySet.fetches == 2, "the core still publishes it")
        #expect(await bySet.verdict(token) == .inactive(.invalid))
    }

    @Test("a key that is not known is looked for once in half a second; without an answer nothing is said")
    func newKey() async throws {
        let bench = try await Self.ready()
        let newer = try TestKeys.signingKey(.es256, id: "d-1700000000000", createdAt: 1_700_000_000_000)
        let token = try bench.token(EdgeSample.claims(), newer)
        bench.set(isDown: true)
        #expect(await bench.verdict(token) == .unavailable)
        bench.advance(600)
        try bench.news()
        bench.set(isDown: false)
        #expect(await bench.verdict(token) == .inactive(.invalid))
        let fetches = bench.fetches
        for _ in 0..<20 { #expect(await bench.verdict(token) == .inactive(.invalid)) }
        #expect(bench.fetches == fetches)
        bench.set(keys: [newer])
        bench.advance(600)
        try bench.news()
        #expect(await bench.verdict(token).word == "active u1")
    }

    @Test("without keys from the start there is no verdict")
    func noKeys() async throws {
        let bench = try EdgeBench()
        try bench.news()
        bench.set(isDown: true)
        #expect(await bench.verdict(try bench.token()) == .unavailable)
    }

    /// What a core says while the feed is silent, and what becomes of it.
    static let silent: [(policy: FeedPolicy.WhenSilent, word: CoreWord, verdict: String, asks: Int)] = [
        (.ask, .alive, "active u1", 1), (.ask, .ended, "ended", 1), (.ask, .refresh, "invalid", 1),
        (.ask, .failed, "active u1", 1), (.accept, .ended, "active u1", 0), (.reject, .alive, "unavailable", 0),
    ]

    @Test("while the feed is silent the policy counts, and silence is never a word about a session")
    func silence() async throws {
        for (policy, word, verdict, asks) in Self.silent {
            let bench = try await Self.ready(FeedPolicy(whenSilent: policy))
            bench.advance(5_001)
            bench.set(word: word)
            #expect(await bench.verdict(try bench.token()).word == verdict, "\(policy) \(word)")
            #expect(bench.questions == asks && !bench.verifier.isFresh && bench.verifier.isReady)
        }
    }

    @Test("after the longest staleness what cannot be asked is 503", arguments: FeedPolicy.WhenSilent.allCases)
    func stale(policy: FeedPolicy.WhenSilent) async throws {
        let bench = try await Self.ready(FeedPolicy(whenSilent: policy))
        bench.advance(61_000)
        bench.set(word: .failed)
        #expect(await bench.verdict(try bench.token()) == .unavailable)
    }

    /// What a core says near a cut-off.
    static let near: [(word: CoreWord, verdict: String)] = [
        (.alive, "active u1"), (.ended, "ended"), (.failed, "unavailable"), (.refresh, "invalid"),
    ]

    @Test("a token that was made about when its user's sessions ended: the core knows, and without it nothing is said")
    func band() async throws {
        let cutOff = FeedEntry.user(
            RevocationDigest(of: "u1"), tenant: nil, at: EdgeSample.now + .seconds(2), until: Self.until)
        for (word, verdict) in Self.near {
            let bench = try await Self.ready(FeedPolicy(), [cutOff])
            bench.set(word: word)
            #expect(await bench.verdict(try bench.token()).word == verdict)
            #expect(bench.questions == 1)
        }
    }
}

@Suite("Access tokens that are bound to a key, beside a proxy (RFC 9449 section 7)")
struct EdgeProofTests {
    private static let key = P256.Signing.PrivateKey()
    private static let url = EdgeSample.origin + "/a"
    private static let passed = [("x-original-method", "GET"), ("x-original-uri", "/a?q=1")]

    private static func bench(publicOrigin: String? = EdgeSample.origin) async throws -> (EdgeBench, token: String) {
        let bench = try EdgeBench(publicOrigin: publicOrigin)
        try bench.news()
        _ = try await bench.keys.current()
        let payload: JSONObject = ["cnf": ["jkt": .string(TestProof.thumbprint(key))]]
        return (bench, try bench.token(EdgeSample.claims(payload: payload)))
    }

    private static func proof(
        _ token: String, _ key: P256.Signing.PrivateKey = key, at time: Timestamp = EdgeSample.now, jti: String = "1",
        method: String = "GET", url: String = url
    ) -> TestProof {
        TestProof(key, at: time, jti: jti, method: method, url: url)
            .with(claims: ["ath": .string(DPoPProof.hash(ofAccessToken: token))])
    }

    @Test("a bound token is no bearer token: nothing but a proof for this request lets it pass")
    func table() async throws {
        let (bench, token) = try await Self.bench()
        let none = EdgeVerdict.proofNeeded(nonce: nil)
        #expect(await bench.verdict(token) == none)
        #expect(await bench.verdict(token, Self.passed) == none)
        let wrong = [
            Self.proof(token, P256.Signing.PrivateKey()), Self.proof(token, method: "POST"),
            Self.proof(token, url: EdgeSample.origin + "/b"), Self.proof(token, url: "https://other.example.com/a"),
            Self.proof("another"), Self.proof(token).with(claims: ["ath": nil]),
        ]
        for proof in wrong { #expect(await bench.verdict(token, Self.passed + [("dpop", try proof.text())]) == none) }
        let good = try Self.proof(token).text()
        #expect(await bench.verdict(token, [("dpop", good)]) == none)
        #expect(await bench.verdict(token, Self.passed + [("dpop", good), ("dpop", good)]) == none)
        #expect(await bench.verdict(token, Self.passed + [("dpop", good)]).word == "active u1")
        #expect(await bench.verdict(token, Self.passed + [("dpop", good)]) == none, "sent again")
    }

    @Test("a late proof is asked for again with a nonce, which then counts")
    func nonce() async throws {
        let (bench, token) = try await Self.bench()
        let late = Self.proof(token, at: EdgeSample.now + .seconds(-100))
        let verdict = await bench.verdict(token, Self.passed + [("dpop", try late.text())])
        guard case .proofNeeded(let nonce?) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        let again = try late.with(claims: ["nonce": .string(nonce)]).text()
        #expect(await bench.verdict(token, Self.passed + [("dpop", again)]).word == "active u1")
    }

    @Test("without a configured origin there is no proof")
    func noOrigin() async throws {
        let (bench, token) = try await Self.bench(publicOrigin: nil)
        let fields = Self.passed + [("dpop", try Self.proof(token).text())]
        #expect(await bench.verdict(token, fields) == .proofNeeded(nonce: nil))
    }

    @Test("introspection says that a token is bound, and proving it is its caller's business")
    func introspection() async throws {
        let (bench, token) = try await Self.bench()
        let reply = EdgeReply.introspection(await bench.verifier.verdict(on: token).value)
        #expect(reply.body?["active"] == true && reply.body?["token_type"] == "DPoP")
    }
}
