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
    typealias Key = P256.Signing.PrivateKey
    static let path = "/auth/session/refresh"

    static func fixture(_ use: ProofOfPossession = .accept) async throws -> Fixture {
        try await Fixture(apiDomain: "https://api.supertokens.io", website: "https://supertokens.io") { $0.dpop = use }
    }

    static func proof(
        _ key: Key, _ fixture: Fixture, _ path: String = path, ahead seconds: Int64 = 0, nonce: String? = nil
    ) throws -> (String, String) {
        let time = fixture.test.clock.time + .seconds(seconds)
        let proof = TestProof(key, at: time, url: "https://api.supertokens.io\(path)")
        return ("DPoP", try proof.with(claims: ["nonce": nonce.map { JSONValue.string($0) }]).text())
    }

    static func signIn(_ browser: Browser, _ fields: [(String, String)]) async throws -> Tokens {
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

    @Test("where the setting is taken back, sessions that are bound are refreshed with their proofs as ever")
    func takenBack() async throws {
        let (fixture, key) = (try await Self.fixture(.off), Key())
        try await fixture.run(.router) { browser in
            var new = NewSession(userID: "user1")
            new.proof = PresentedProof(
                try Self.proof(key, fixture).1, for: "POST https://api.supertokens.io\(Self.path)")
            let issued = try await fixture.test.sessions.backend.create(new)
            let fields = [("authorization", "Bearer \(issued.refreshToken.exposed)")]
            #expect(try await browser.call(.post, Self.path, fields).status == 400)
            #expect(try await browser.call(.post, Self.path, fields + [Self.proof(Key(), fixture)]).status == 401)
            #expect(try await browser.call(.post, Self.path, fields + [Self.proof(key, fixture)]).status == 200)
        }
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
