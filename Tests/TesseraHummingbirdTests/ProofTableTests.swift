import Crypto
import Foundations
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

@Suite("The table of wrong proofs, over HTTP (RFC 9449 section 4.3)")
struct ProofTableTests {
    /// What is wrong with a proof for a refresh, and what the answer is.
    private static let wrongRefreshes: [(String, error: String, @Sendable (TestProof, String) throws -> [String])] = [
        ("none", invalid, { _, _ in [] }),
        ("two fields", invalid, { good, _ in [try good.text(), try good.with(claims: ["jti": "other"]).text()] }),
        ("another key", "", { good, _ in [try good.signed(by: ProofRouteTests.Key()).text()] }),
        ("signed by another key", invalid, { good, _ in [try good.named(as: ProofRouteTests.Key()).text()] }),
        ("htm", invalid, { good, _ in [try good.with(claims: ["htm": "GET"]).text()] }),
        ("htu", invalid, { good, _ in [try good.with(claims: ["htu": "https://api.supertokens.io/create"]).text()] }),
        (
            "htu by http", invalid,
            { good, _ in
                [try good.with(claims: ["htu": "http://api.supertokens.io/auth/session/refresh"]).text()]
            }
        ),
        ("no jti", invalid, { good, _ in [try good.with(claims: ["jti": .some(nil)]).text()] }),
        (
            "jti of 129 bytes", invalid,
            { good, _ in
                [try good.with(claims: ["jti": .string(String(repeating: "j", count: 129))]).text()]
            }
        ),
        ("jti that was seen", late, { _, captured in [captured] }),
        ("no iat", invalid, { good, _ in [try good.with(claims: ["iat": .some(nil)]).text()] }),
        ("old iat", late, { good, _ in [try good.late(by: 61).text()] }),
        ("iat to come", late, { good, _ in [try good.late(by: -6).text()] }),
        ("iat of a year ago", late, { good, _ in [try good.late(by: 31_536_000).text()] }),
        ("nonce of another", late, { good, _ in [try good.with(claims: ["nonce": "n"]).text()] }),
        ("nonce that is no text", invalid, { good, _ in [try good.with(claims: ["nonce": 1]).text()] }),
        ("ath that is no text", invalid, { good, _ in [try good.with(claims: ["ath": 1]).text()] }),
    ]
    private static let invalid = "invalid_dpop_proof"
    private static let late = "use_dpop_nonce"

    @Test(
        "a bound session is refreshed by nothing but a good proof, and lives whatever else is sent",
        arguments: wrongRefreshes.indices)
    func refreshes(row: Int) async throws {
        let (fixture, key) = (try await ProofRouteTests.fixture(), ProofRouteTests.Key())
        try await fixture.run(.router) { browser in
            var tokens = try await ProofRouteTests.signIn(browser, [ProofRouteTests.proof(key, fixture, "/create")])
            func refresh(_ proofs: [String]) async throws -> Reply {
                try await browser.call(
                    .post, ProofRouteTests.path, tokens.refreshFields + proofs.map { ("DPoP", $0) })
            }
            let captured = try ProofRouteTests.proof(key, fixture).1
            fixture.test.clock.advance(by: .milliseconds(1))
            let first = try await refresh([captured])
            #expect(first.status == 200)
            tokens = first.tokens("header")
            fixture.test.clock.advance(by: .seconds(1))
            let good = TestProof(
                key, at: fixture.test.clock.time, url: "https://api.supertokens.io\(ProofRouteTests.path)")
            let (name, error, make) = Self.wrongRefreshes[row]
            let wrong = try await refresh(make(good, captured))
            let given = wrong.tokens("header")
            #expect((given.refresh ?? "").isEmpty && (given.access ?? "").isEmpty, "\(name)")
            #expect(wrong.status == (error.isEmpty ? 401 : 400), "\(name): \(wrong.body)")
            if !error.isEmpty {
                #expect(wrong.json == ["error": .string(error)] && wrong["front-token"] == nil, "\(name)")
            }
            #expect((wrong["dpop-nonce"] != nil) == (error == Self.late), "\(name)")
            if let nonce = wrong["dpop-nonce"] {
                let again = try good.late(by: 3_600).with(claims: ["nonce": .string(nonce)]).text()
                #expect(try await refresh([again]).status == 200, "\(name): with the nonce")
            } else {
                #expect(try await refresh([good.text()]).status == 200, "\(name): the session lives")
            }
        }
    }

    /// What is wrong with a proof for `GET /me`, and whether a nonce is the answer.
    private static let wrongCalls: [(String, isLate: Bool, @Sendable (TestProof, String) throws -> [String])] = [
        ("none", false, { _, _ in [] }),
        ("two fields", false, { good, _ in [try good.text(), try good.with(claims: ["jti": "other"]).text()] }),
        ("another key", false, { good, _ in [try good.signed(by: ProofRouteTests.Key()).text()] }),
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
        let (fixture, key) = (try await ProofRouteTests.fixture(.everyCall), ProofRouteTests.Key())
        try await fixture.run(.router) { browser in
            var tokens = try await ProofRouteTests.signIn(browser, [ProofRouteTests.proof(key, fixture, "/create")])
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
            let error = isLate ? Self.late : Self.invalid
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
                .post, ProofRouteTests.path, tokens.refreshFields + [ProofRouteTests.proof(key, fixture)])
            #expect(refreshed.status == 200, "\(name): the session lives")
            tokens = refreshed.tokens("header")
            #expect(try await call([good.with(claims: ["jti": "x"]).text()]).status == 401, "ath of the token before")
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

    /// The same, with another key named in its header.
    fileprivate func named(as other: P256.Signing.PrivateKey) -> TestProof {
        with(header: ["jwk": .object(Self.jwk(other))])
    }
}
