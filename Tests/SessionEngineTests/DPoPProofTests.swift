import Crypto
import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Proofs of possession (RFC 9449)")
struct DPoPProofTests {
    static let now = Timestamp(milliseconds: 1_764_282_000_000)
    static let key: [UInt8] = Array(0..<32)
    static let target = "POST https://api.example.com/auth/session/refresh"

    /// The proof of RFC 9449 section 4.1, its thumbprint of section 6.1, and the one of section 7.1.
    static let rfcProof = """
        eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg
        """
    static let ourProof = """
        eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiZjgzT0ozRDJ4RjFCZzh2dWI5dExlMWdITXpWNzZlOFR1czl1UEh2UlZFVSIsInkiOiJ4X0ZFelJ1OW0zNkhMTl90dWU2NTlMTnBYVzZwQ3lTdGlrWWpLSVdJNWEwIn19.eyJqdGkiOiJaYjNjTjFwVDV4MFFHa3p2Nkw5bTJ3IiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vYXBpLmV4YW1wbGUuY29tL2F1dGgvc2Vzc2lvbi9yZWZyZXNoIiwiaWF0IjoxNzY0MjgyMDAwLCJub25jZSI6IkFBQUJrMmJxOGdBeGs3bTR5YlFiOWcifQ.ohB6ss6ik6VpztODcCOKW9IVmjzfCBVpswFdICnX3B7Dj4Sbr8xC0IiDLMulRyzFVchy9SwOqsahnaXnqsQgQA
        """

    @Test("The example of the RFC and the vector of the specification are read, and name their keys")
    func vectors() throws {
        let rfc = try #require(DPoPProof(Self.rfcProof))
        #expect(rfc.key.rawValue == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
        #expect(rfc.identifier == "-BwC3ESc6acc2lTc" && rfc.issuedAt == Timestamp(milliseconds: 1_562_262_616_000))
        #expect(rfc.target == ProofTarget("POST https://server.example.com/token"))
        #expect(rfc.nonce == nil && rfc.accessTokenHash == nil)
        let ours = try #require(DPoPProof(Self.ourProof))
        #expect(ours.key.rawValue == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")
        #expect(ours.nonce == "AAABk2bq8gAxk7m4ybQb9g" && ours.target == ProofTarget(Self.target))
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln"
        #expect(DPoPProof.hash(ofAccessToken: token) == "uK9_MH_h_U-RimWTi-ViJVY8deZrUCS6dMB5fSLl06Q")
        // The RFC's proof is 6 years old at the time of the vector, and for another URL.
        #expect(PresentedProof(Self.rfcProof, for: Self.target).judged(at: Self.now, nonceKey: Self.key) == .invalid)
        let late = PresentedProof(Self.rfcProof, for: "POST https://server.example.com/token")
        #expect(late.judged(at: Self.now, nonceKey: Self.key) == .late(rfc.key))
        #expect(late.judged(at: rfc.issuedAt, nonceKey: Self.key) == .good(rfc.key, since: rfc.issuedAt))
    }

    @Test("A nonce is the vector of the specification, lives for five minutes, and is no cursor")
    func nonces() {
        let nonce = ProofNonce.make(at: Self.now, random: 0x0001_0203_0405_0607, key: Self.key)
        #expect(nonce == "AAABmsdm4oAAAQIDBAUGB_Wd_fPuKvuts_PCtU1ek6c")
        for (seconds, isFresh) in [(-61, false), (-60, true), (0, true), (300, true), (301, false)] as [(Int64, Bool)] {
            let time = ProofNonce.time(of: nonce, at: Self.now + .seconds(seconds), key: Self.key)
            #expect(time == (isFresh ? Self.now : nil), "\(seconds)")
        }
        #expect(ProofNonce.time(of: nonce, at: Self.now, key: [1]) == nil)
        #expect(ProofNonce.time(of: nonce + "A", at: Self.now, key: Self.key) == nil)
        #expect(ProofNonce.time(of: "AAABk2bq8gAxk7m4ybQb9g", at: Self.now, key: Self.key) == nil)
        let cursor = RefreshTokenKey.cursor(createdAt: Self.now, handle: "handle-8", key: Self.key)
        #expect(ProofNonce.time(of: cursor, at: Self.now, key: Self.key) == nil)
        #expect(RefreshTokenKey.place(of: nonce, key: Self.key) == nil)
    }

    @Test("Beside an access token a proof is for that one (RFC 9449 section 7.1), and is named by key and jti")
    func calls() throws {
        let (token, key) = ("header.payload.signature", P256.Signing.PrivateKey())
        let good = TestProof(key, at: Self.now).with(claims: ["ath": .string(DPoPProof.hash(ofAccessToken: token))])
        func judged(_ proof: TestProof, at seconds: Int64 = 0) throws -> (ProofJudgement, name: [UInt8])? {
            try PresentedProof(proof.text(), for: Self.target).judged(
                beside: token, at: Self.now + .seconds(seconds), nonceKey: Self.key)
        }
        let thumbprint = KeyThumbprint(stored: TestProof.thumbprint(key))
        let found = try #require(try judged(good))
        #expect(found.0 == .good(thumbprint, since: Self.now) && found.name.count == 16)
        #expect(try judged(good.with(claims: ["jti": "other"]))?.name != found.name)
        #expect(try judged(good.with(claims: ["ath": .some(nil)])) == nil)
        #expect(try judged(good.with(claims: ["ath": .string(DPoPProof.hash(ofAccessToken: "other"))])) == nil)
        #expect(try judged(good.with(claims: ["htm": "GET"])) == nil)
        #expect(try judged(good, at: 61)?.0 == .late(thumbprint) && judged(good, at: -6)?.0 == .late(thumbprint))
        let nonce = ProofNonce.make(at: Self.now, random: 7, key: Self.key)
        #expect(
            try judged(good.with(claims: ["nonce": .string(nonce)]), at: 300)?.0 == .good(thumbprint, since: Self.now))
        #expect(try judged(good.with(claims: ["nonce": "of another process"]))?.0 == .good(thumbprint, since: Self.now))
        #expect(try judged(good.with(claims: ["nonce": "of another process"]), at: 61)?.0 == .late(thumbprint))
    }

    @Test("The time counts where there is no nonce, and a nonce where there is one")
    func time() throws {
        let key = P256.Signing.PrivateKey()
        let thumbprint = KeyThumbprint(stored: TestProof.thumbprint(key))
        func judged(_ proof: TestProof) throws -> ProofJudgement {
            PresentedProof(try proof.text(), for: Self.target).judged(at: Self.now, nonceKey: Self.key)
        }
        for (seconds, isGood) in [(-61, false), (-60, true), (5, true), (6, false), (10, false)] as [(Int64, Bool)] {
            let proof = TestProof(key, at: Self.now + .seconds(seconds))
            let expected: ProofJudgement =
                isGood ? .good(thumbprint, since: Self.now + .seconds(seconds)) : .late(thumbprint)
            #expect(try judged(proof) == expected, "\(seconds)")
            let made = Self.now + .seconds(-300)
            let nonce = ProofNonce.make(at: made, random: 7, key: Self.key)
            #expect(try judged(proof.with(claims: ["nonce": .string(nonce)])) == .good(thumbprint, since: made))
        }
        let prompt = TestProof(key, at: Self.now)
        #expect(try judged(prompt.with(claims: ["nonce": "of another"])) == .late(thumbprint))
        for seconds in [Int64.min, .max] {
            #expect(try judged(prompt.with(claims: ["iat": .integer(seconds)])) == .late(thumbprint))
        }
    }

    /// Changes of a good proof after which it is none.
    static let faults: [(String, @Sendable (TestProof) -> TestProof)] = [
        ("typ", { $0.with(header: ["typ": "JWT"]) }), ("no typ", { $0.with(header: ["typ": .some(nil)]) }),
        ("alg none", { $0.with(header: ["alg": "none"]) }), ("alg HS256", { $0.with(header: ["alg": "HS256"]) }),
        ("alg RS256", { $0.with(header: ["alg": "RS256"]) }), ("alg es256", { $0.with(header: ["alg": "es256"]) }),
        ("crit", { $0.with(header: ["crit": ["b64"]]) }), ("kid", { $0.with(header: ["kid": "a"]) }),
        ("no jwk", { $0.with(header: ["jwk": .some(nil)]) }), ("jwk text", { $0.with(header: ["jwk": "a"]) }),
        ("d", { $0.withKey("d", "AA") }), ("k", { $0.withKey("k", "AA") }), ("P-384", { $0.withKey("crv", "P-384") }),
        ("secp256k1", { $0.withKey("crv", "secp256k1") }), ("OKP", { $0.withKey("kty", "OKP") }),
        ("RSA", { $0.withKey("kty", "RSA") }), ("short x", { $0.withKey("x", "AAAA") }),
        ("not on the curve", { $0.withKey("x", .string(String(repeating: "A", count: 43))) }),
        ("padded x", { proof in proof.withKey("x", .string((proof.header["jwk"]?.object?["x"]?.string ?? "") + "=")) }),
        ("alg of the key", { $0.withKey("alg", "ES384") }),
        ("another key", { $0.with(header: ["jwk": .object(TestProof.jwk(P256.Signing.PrivateKey()))]) }),
        ("no jti", { $0.with(claims: ["jti": .some(nil)]) }), ("jti number", { $0.with(claims: ["jti": 5]) }),
        ("jti empty", { $0.with(claims: ["jti": ""]) }),
        ("jti of 129", { $0.with(claims: ["jti": .string(String(repeating: "a", count: 129))]) }),
        ("htm", { $0.with(claims: ["htm": "GET"]) }), ("htm in lower case", { $0.with(claims: ["htm": "post"]) }),
        ("no htm", { $0.with(claims: ["htm": .some(nil)]) }), ("no htu", { $0.with(claims: ["htu": .some(nil)]) }),
        ("htu host", { $0.with(claims: ["htu": "https://api.example.org/auth/session/refresh"]) }),
        ("htu path", { $0.with(claims: ["htu": "https://api.example.com/auth/session/Refresh"]) }),
        ("htu scheme", { $0.with(claims: ["htu": "http://api.example.com/auth/session/refresh"]) }),
        ("htu port", { $0.with(claims: ["htu": "https://api.example.com:444/auth/session/refresh"]) }),
        ("htu user", { $0.with(claims: ["htu": "https://a@api.example.com/auth/session/refresh"]) }),
        ("htu relative", { $0.with(claims: ["htu": "/auth/session/refresh"]) }),
        ("no iat", { $0.with(claims: ["iat": .some(nil)]) }), ("iat text", { $0.with(claims: ["iat": "1764282000"]) }),
        ("nonce number", { $0.with(claims: ["nonce": 1]) }), ("ath number", { $0.with(claims: ["ath": 1]) }),
    ]

    @Test("A proof that is none is refused, whatever is wrong with it", arguments: faults.indices)
    func refuses(row: Int) throws {
        let good = TestProof(at: Self.now)
        let thumbprint = KeyThumbprint(stored: TestProof.thumbprint(good.key))
        let control = PresentedProof(try good.text(), for: Self.target)
        #expect(control.judged(at: Self.now, nonceKey: Self.key) == .good(thumbprint, since: Self.now))
        let (name, change) = Self.faults[row]
        let presented = PresentedProof(try change(good).text(), for: Self.target)
        #expect(presented.judged(at: Self.now, nonceKey: Self.key) == .invalid, "\(name)")
    }

    @Test("What is no JWT, or more than one, is refused")
    func texts() throws {
        let text = try TestProof(at: Self.now).text()
        let parts = text.split(separator: ".")
        var forms = [
            "", ".", "..", "a.b.c", "\(text), \(text)", "\(text) ", " \(text)", "\(text).", "\(parts[0]).\(parts[1])",
            "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1]).\(parts[2])=", "\(text).\(parts[2])",
            String(repeating: "a", count: DPoPProof.maximumLength + 1),
        ]
        forms += (0..<parts[2].count).map { place in
            let old = Array(parts[2])[place]
            let last = Array(parts[2]).enumerated().map { $0.offset == place ? (old == "A" ? "B" : "A") : $0.element }
            return "\(parts[0]).\(parts[1]).\(String(last))"
        }
        for form in forms { #expect(DPoPProof(form) == nil, "\(form.prefix(40))") }
        #expect(DPoPProof(text) != nil)
        for target in ["", "POST", "POST ", "POST  https://api.example.com/auth/session/refresh", "GET /"] {
            #expect(PresentedProof(text, for: target).judged(at: Self.now, nonceKey: Self.key) == .invalid, "\(target)")
        }
    }

    @Test("URLs are equal after normalisation by syntax and scheme, without query and fragment (RFC 3986 section 6.2)")
    func targets() {
        let plain = ProofTarget(Self.target)
        let same = [
            "HTTPS://API.example.COM/auth/session/refresh", "https://api.example.com:443/auth/session/refresh",
            "https://api.example.com:/auth/session/refresh", "https://api.example.com/auth/./session/refresh",
            "https://api.example.com/x/../auth/session/refresh", "https://api.example.com/../auth/session/refresh",
            "https://api.example.com/%61uth/session/refresh?a=b#c", "https://api.example.com/auth/session/refresh#x",
        ]
        for url in same { #expect(ProofTarget(method: "POST", url: url) == plain, "\(url)") }
        let others = [
            "https://api.example.com/auth/session/refresh/", "https://api.example.com/auth//session/refresh",
            "https://api.example.com/auth%2Fsession/refresh", "https://api.example.com",
            "https://api.example.com:80/auth",
        ]
        for url in others {
            let other = ProofTarget(method: "POST", url: url)
            #expect(other != nil && other != plain, "\(url)")
        }
        #expect(ProofTarget(method: "GET", url: "https://a?x") == ProofTarget(method: "GET", url: "https://a/"))
        #expect(ProofTarget(method: "GET", url: "https://a/%2f%c3")?.url == "https://a/%2F%C3")
        #expect(ProofTarget(method: "GET", url: "http://[::1]:80/a/..")?.url == "http://[::1]/")
        #expect(ProofTarget(method: "GET", url: "http://[::1]:3567/.")?.url == "http://[::1]:3567/")
        for url in [
            "", "https:", "https://", "https:///a", "ftp://a/", "https://a b/", "https://\u{e9}/", "https://a:b/",
            "https://a:99999/", "https://a/%", "https://a/%2", "https://a/%zz", "https://a/%+1", "//a/b",
        ] { #expect(ProofTarget(method: "GET", url: url) == nil, "\(url)") }
    }
}

extension TestProof {
    fileprivate func withKey(_ name: String, _ value: JSONValue) -> TestProof {
        var jwk = header["jwk"]?.object ?? [:]
        jwk[name] = value
        return with(header: ["jwk": .object(jwk)])
    }
}
