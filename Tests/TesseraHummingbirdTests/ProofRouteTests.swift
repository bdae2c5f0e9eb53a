import Crypto
import Foundations
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

@Suite("Sessions that are bound to a key, over HTTP (RFC 9449)")
struct ProofRouteTests {
    private typealias Key = P256.Signing.PrivateKey
    private static let path = "/auth/session/refresh"

    private static func fixture(_ use: ProofOfPossession = .accept) async throws -> Fixture {
        try await Fixture(apiDomain: "https://api.supertokens.io", website: "https://supertokens.io") { $0.dpop = use }
    }

    private static func proof(
        _ key: Key, _ fixture: Fixture, _ path: String = path, ahead seconds: Int64 = 0, nonce: String? = nil
    ) throws -> (String, String) {
        let time = fixture.test.clock.time + .seconds(seconds)
        let proof = TestProof(key, at: time, url: "https://api.supertokens.io\(path)")
        return ("DPoP", try proof.with(claims: ["nonce": nonce.map { JSONValue.string($0) }]).text())
    }

    private static func signIn(_ browser: Browser, _ fields: [(String, String)]) async throws -> Tokens {
        let reply = try await browser.call(.post, "/create", [("st-auth-mode", "header")] + fields)
        #expect(reply.status == 200)
        return reply.tokens("header")
    }

    @Test(
        "A client that proves its key at sign-in refreshes with it, and a copy of its tokens does not",
        arguments: transports)
    func bound(transport: TestingSetup) async throws {
        let (fixture, key) = (try await Self.fixture(), Key())
        try await fixture.run(transport) { browser in
            let tokens = try await Self.signIn(browser, [Self.proof(key, fixture, "/create")])
            let absent = try await browser.call(.post, Self.path, tokens.refreshFields)
            #expect(absent.status == 400 && absent.json == ["error": "invalid_dpop_proof"])
            #expect(absent["front-token"] == nil && absent["dpop-nonce"] == nil, "nothing is cleared")
            let proof = try Self.proof(key, fixture)
            for wrong in [[proof, proof], [try Self.proof(key, fixture, "/create")], [("DPoP", "none")]] {
                let reply = try await browser.call(.post, Self.path, tokens.refreshFields + wrong)
                #expect(reply.status == 400 && reply.json == ["error": "invalid_dpop_proof"], "\(reply.body)")
            }
            let foreign = try await browser.call(.post, Self.path, tokens.refreshFields + [Self.proof(Key(), fixture)])
            #expect(foreign.status == 401)
            let good = try await browser.call(.post, Self.path, tokens.refreshFields + [proof])
            #expect(good.status == 200, "\(good.body)")
            #expect(good.front?.payload["cnf"] == ["jkt": .string(TestProof.thumbprint(key))])
        }
    }

    @Test("a client whose clock is 10 s fast is given a nonce, and refreshes with it")
    func nonce() async throws {
        let (fixture, key) = (try await Self.fixture(), Key())
        try await fixture.run(.router) { browser in
            let tokens = try await Self.signIn(browser, [Self.proof(key, fixture, "/create", ahead: 10)])
            let late = try Self.proof(key, fixture, ahead: 10)
            let refused = try await browser.call(.post, Self.path, tokens.refreshFields + [late])
            #expect(refused.status == 400 && refused.json == ["error": "use_dpop_nonce"])
            let nonce = try #require(refused["dpop-nonce"])
            let again = try Self.proof(key, fixture, ahead: 10, nonce: nonce)
            #expect(try await browser.call(.post, Self.path, tokens.refreshFields + [again]).status == 200)
        }
    }

    @Test("By default proofs are not looked at, and other clients notice nothing")
    func off() async throws {
        for use in ProofOfPossession.allCases {
            let fixture = try await Self.fixture(use)
            try await fixture.run(.router) { browser in
                let plain = try await Self.signIn(browser, [])
                let reply = try await browser.call(.post, Self.path, plain.refreshFields + [Self.proof(Key(), fixture)])
                #expect(reply.status == 200 && reply.front?.payload["cnf"] == nil, "finding B1: nothing is bound")
                guard use == .off else { return }
                let tokens = try await Self.signIn(browser, [("DPoP", "none")])
                #expect(try await browser.call(.post, Self.path, tokens.refreshFields).status == 200)
            }
        }
        #expect(SessionConfiguration().dpop == .off)
    }

    @Test("What is no proof begins no session")
    func signIn() async throws {
        let fixture = try await Self.fixture()
        try await fixture.run(.router) { browser in
            let fields = [("st-auth-mode", "header"), ("DPoP", "none")]
            let reply = try await browser.call(.post, "/create", fields)
            #expect(reply.status == 400 && reply.json == ["error": "invalid_dpop_proof"])
            #expect(try await fixture.test.sessions.handles(of: "user1").isEmpty)
        }
    }

    /// What is wrong with a proof for `GET /me`, and whether a nonce is the answer.
    private static let wrongCalls: [(String, isLate: Bool, @Sendable (TestProof, String) throws -> [String])] = [
        ("none", false, { _, _ in [] }),
        ("two fields", false, { good, _ in [try good.text(), try good.with(claims: ["jti": "other"]).text()] }),
        ("another key", false, { good, _ in [try good.signed(by: Key()).text()] }),
        ("htm", false, { good, _ in [try good.with(claims: ["htm": "POST"]).text()] }),
        ("htu", false, { good, _ in [try good.with(claims: ["htu": "https://api.supertokens.io/optional"]).text()] }),
        (
            "htu of another host", false,
            { good, _ in [try good.with(claims: ["htu": "https://evil.example/me"]).text()] }
        ),
        ("no ath", false, { good, _ in [try good.with(claims: ["ath": .some(nil)]).text()] }),
        ("ath of another token", false, { good, _ in [try good.with(claims: ["ath": "uK9_MH_h_U-RimWTi"]).text()] }),
        ("no jti", false, { good, _ in [try good.with(claims: ["jti": .some(nil)]).text()] }),
        ("jti that was seen", false, { good, seen in [try good.with(claims: ["jti": .string(seen)]).text()] }),
        ("old iat", true, { good, _ in [try good.late(by: 61).text()] }),
        ("iat to come", true, { good, _ in [try good.late(by: -6).text()] }),
        ("old iat, nonce of another", true, { good, _ in [try good.late(by: 61).with(claims: ["nonce": "n"]).text()] }),
    ]

    @Test(
        "a call is refused without a good proof where each call is to prove the key, and the session lives",
        arguments: wrongCalls.indices)
    func calls(row: Int) async throws {
        let (fixture, key) = (try await Self.fixture(.everyCall), Key())
        try await fixture.run(.router) { browser in
            var tokens = try await Self.signIn(browser, [Self.proof(key, fixture, "/create")])
            let access = try #require(tokens.access)
            let good = TestProof(key, at: fixture.test.clock.time, method: "GET", url: "https://api.supertokens.io/me")
                .with(claims: ["ath": .string(DPoPProof.hash(ofAccessToken: access))])
            func call(_ proofs: [String]) async throws -> Reply {
                try await browser.call(.get, "/me", tokens.fields + proofs.map { ("DPoP", $0) })
            }
            let accepted = try await call([good.text()])
            #expect(accepted.status == 200, "\(accepted.body)")
            let (name, isLate, make) = Self.wrongCalls[row]
            let fresh = good.with(claims: ["jti": "fresh"])
            let wrong = try await call(make(fresh, "Zb3cN1pT5x0QGkzv6L9m2w"))
            let error = isLate ? "use_dpop_nonce" : "invalid_dpop_proof"
            #expect(wrong.status == 401 && wrong.json == ["error": .string(error)], "\(name): \(wrong.body)")
            #expect(wrong["www-authenticate"] == #"DPoP error="\#(error)", algs="ES256""#)
            #expect(
                wrong["front-token"] == nil && (wrong["dpop-nonce"] != nil) == isLate, "\(name): nothing is cleared")
            if let nonce = wrong["dpop-nonce"] {
                let again = try good.late(by: 3_600).with(claims: ["jti": "n", "nonce": .string(nonce)]).text()
                #expect(try await call([again]).status == 200, "\(name): with the nonce")
            }
            fixture.test.clock.advance(by: .seconds(1))
            let refreshed = try await browser.call(
                .post, Self.path, tokens.refreshFields + [Self.proof(key, fixture)])
            #expect(refreshed.status == 200, "\(name): the session lives")
            tokens = refreshed.tokens("header")
            #expect(try await call([good.with(claims: ["jti": "x"]).text()]).status == 401, "ath of the token before")
        }
    }

    @Test("a call proves nothing by default, nor where its session is bound to no key")
    func plainCalls() async throws {
        let key = Key()
        for (use, isBound) in [(ProofOfPossession.accept, true), (.everyCall, false)] {
            let fixture = try await Self.fixture(use)
            try await fixture.run(.router) { browser in
                let proofs = isBound ? [try Self.proof(key, fixture, "/create")] : []
                let tokens = try await Self.signIn(browser, proofs)
                #expect(try await browser.call(.get, "/me", tokens.fields).status == 200)
                #expect(try await browser.call(.get, "/me", tokens.fields + [("DPoP", "none")]).status == 200)
            }
        }
    }
}

extension TestProof {
    /// The same, signed by another key that it names.
    fileprivate func signed(by other: P256.Signing.PrivateKey) -> TestProof {
        var proof = TestProof(other, at: Timestamp(milliseconds: 0))
        proof.claims = claims
        return proof
    }

    /// The same, made earlier.
    fileprivate func late(by seconds: Int64) -> TestProof {
        with(claims: ["iat": .integer((claims["iat"]?.number?.int64 ?? 0) - seconds)])
    }
}
