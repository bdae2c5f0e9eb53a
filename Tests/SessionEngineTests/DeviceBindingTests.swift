import Crypto
import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Sessions that are bound to the device of a browser: the rules")
struct DeviceBindingTests {
    static let now = Sample.now
    static let secret: [UInt8] = Array(0..<32)
    static let terms = SessionTerms(validity: Sample.validity)

    /// Recorded from Chromium 156, with its key.
    static let recordedRegistration = """
        eyJhbGciOiJFUzI1NiIsImp3ayI6eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6IjBWdVdsWXB4a0ltUFhRaGQ3bGc0SXZhZWdMR1ZXRFZvUzZESTRRbUFiVzQiLCJ5IjoiSEhEQnpuXzBFNGdJVFV2MGdFM09OVXhjYk9YZnNmeXdLNWFDbnZySWFMayJ9LCJ0eXAiOiJkYnNjK2p3dCJ9.eyJhdXRob3JpemF0aW9uIjoiYWMtMSIsImp0aSI6IkZtdGpOaklPRXh4VU5CRU9MVHpKSVEifQ.qCJChkl4EptnLoQhbsPYaWmlKbsQNO0fDyhwo1G-WrW2vScWckqbSX37D9FuoEs60DAKiQvHQZEJGagpRd8QDg
        """
    static let recordedRenewal = """
        eyJhbGciOiJFUzI1NiIsInR5cCI6ImRic2Mrand0In0.eyJqdGkiOiJBMmdJM2NuWmdtRGZjR1c0SmVGLUV3In0.MtHZfr8c17on5Aa-1AWRBBhwEASBqH-FRZlkvXA_5l4S5sYIz-wfjeyhDnWjNDzQCPf7iaiaJD_rLfCBfu9yIw
        """

    @Test("What Chromium 156 sent is read, and its key verifies what it sent later")
    func recorded() throws {
        let first = try #require(DeviceProof(registration: Self.recordedRegistration))
        #expect(first.challenge == "FmtjNjIOExxUNBEOLTzJIQ")
        let key = try #require(DeviceKey(stored: first.key.rawValue))
        #expect(key == first.key && key.rawValue.utf8.count == 91)
        #expect(BoundKey(stored: first.key.rawValue) == .device(key))
        #expect(key.thumbprint.rawValue.utf8.count == 43)
        #expect(DeviceProof(Self.recordedRenewal, by: key)?.challenge == "A2gI3cnZgmDfcGW4JeF-Ew")
        #expect(DeviceProof(Self.recordedRegistration, by: key) == nil, "a key belongs into the first proof alone")
        #expect(DeviceProof(registration: Self.recordedRenewal) == nil)
    }

    @Test("A stored key that is damaged is of its kind, and of no device")
    func damaged() throws {
        let proof = try TestDeviceKey().renewal("c")
        for stored in ["dbsc.", "dbsc.AAAA", "dbsc." + Base64.url.encodedText([UInt8](repeating: 1, count: 64))] {
            let key = BoundKey(stored: stored)
            #expect(key.kind == .dbsc && key.rawValue == stored, "\(stored)")
            guard case .device(let device) = key else { throw Unlikely() }
            #expect(DeviceProof(proof, by: device) == nil && !device.thumbprint.rawValue.isEmpty)
        }
        for stored in ["", "dbsc", "DBSC.AAAA", "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"] {
            #expect(BoundKey(stored: stored) == .thumbprint(KeyThumbprint(stored: stored)))
        }
    }

    /// Changes of a good proof's header and claims, and whether a registration and a renewal are good with them.
    private static let forms: [(String, [String: JSONValue?], [String: JSONValue?], Bool, Bool)] = [
        ("as it is", [:], [:], true, true),
        ("unknown claims (DB14)", [:], ["aud": "x", "iat": 1, "authorization": "a"], true, true),
        ("authorization of another form", [:], ["authorization": 1], true, true),
        ("no typ", ["typ": .some(nil)], [:], false, false),
        ("another typ", ["typ": "dpop+jwt"], [:], false, false),
        ("typ JWT", ["typ": "JWT"], [:], false, false),
        ("alg none", ["alg": "none"], [:], false, false),
        ("alg RS256", ["alg": "RS256"], [:], false, false),
        ("alg ES384", ["alg": "ES384"], [:], false, false),
        ("no alg", ["alg": .some(nil)], [:], false, false),
        ("header members of other releases", ["kid": "1", "cty": "x", "new": ["a"]], [:], true, true),
        ("crit", ["crit": ["b64"]], [:], false, false),
        ("b64", ["b64": true], [:], false, false),
        ("zip", ["zip": "DEF"], [:], false, false),
        ("jku", ["jku": "https://evil.example/keys"], [:], false, false),
        ("x5u", ["x5u": "https://evil.example/x"], [:], false, false),
        ("x5c", ["x5c": ["AA"]], [:], false, false),
        ("x5t", ["x5t": "AA"], [:], false, false),
        ("x5t#S256", ["x5t#S256": "AA"], [:], false, false),
        ("no challenge", [:], ["jti": .some(nil)], false, false),
        ("a challenge that is no text", [:], ["jti": 1], false, false),
    ]

    @Test("A proof is of one form", arguments: forms.indices)
    func form(row: Int) throws {
        let device = TestDeviceKey()
        let key = DeviceKey(device.key.publicKey)
        let (name, header, claims, registers, renews) = Self.forms[row]
        let registration = try device.registration("c", header: header, claims: claims)
        #expect((DeviceProof(registration: registration) != nil) == registers, "\(name)")
        let renewal = try device.renewal("c", header: header, claims: claims)
        #expect((DeviceProof(renewal, by: key) != nil) == renews, "\(name)")
        #expect(DeviceProof(renewal, by: DeviceKey(TestDeviceKey().key.publicKey)) == nil, "another key")
    }

    @Test("Who has signed a registration is found out only where its challenge was made here")
    func order() throws {
        let proof = try TestDeviceKey().registration("c")
        let unsigned = proof.prefix { $0 != "." } + proof.dropFirst(proof.prefix { $0 != "." }.count).prefix(8) + "A"
        for (text, isOffered, isGood) in [(proof, true, true), (proof, false, false), (String(unsigned), true, false)] {
            var asked: [String] = []
            let found = DeviceProof(registration: text) { challenge in
                asked.append(challenge)
                return isOffered
            }
            #expect((found != nil) == isGood && asked == (text == proof ? ["c"] : []))
        }
        let other = try TestDeviceKey().registration("c", header: ["jwk": .object(TestDeviceKey().jwk)])
        var isAsked = false
        let found = DeviceProof(registration: other) { _ in
            isAsked = true
            return true
        }
        #expect(found == nil && isAsked, "the signature is the last that is looked at")
    }

    @Test("The key of a registration is a public one of P-256, and has made the signature")
    func keys() throws {
        let (device, other) = (TestDeviceKey(), TestDeviceKey())
        var changes: [[String: JSONValue]] = [
            ["kty": "RSA"], ["crv": "P-384"], ["x": "AA"], ["d": "AA"], ["k": "AA"], ["alg": "RS256"],
            ["x": .string(Base64.url.encodedText([UInt8](repeating: 0, count: 32)))],
        ]
        changes.append(["x": other.jwk["x"] ?? .null, "y": other.jwk["y"] ?? .null])
        for change in changes {
            var jwk = device.jwk
            for (name, value) in change { jwk[name] = .some(value) }
            let proof = try device.registration("c", header: ["jwk": .object(jwk)])
            #expect(DeviceProof(registration: proof) == nil, "\(change)")
        }
        #expect(DeviceProof(registration: try device.registration("c", header: ["jwk": "x"])) == nil)
        #expect(DeviceProof(registration: try device.registration("c", header: ["jwk": .some(nil)])) == nil)
    }

    @Test("What is no JWT, or longer than 4 KiB, is none")
    func texts() throws {
        let device = TestDeviceKey()
        let key = DeviceKey(device.key.publicKey)
        let good = try device.renewal("c")
        let parts = good.split(separator: ".")
        for text in [
            "", ".", "..", "a.b.c", "\(good).", "\(good) ", " \(good)", "\"\(good)\"", "\(parts[0]).\(parts[1])",
            "\(parts[0]).\(parts[1]).", "\(good).\(parts[2])",
            try device.renewal("c", claims: ["x": .string(String(repeating: "a", count: 4_096))]),
        ] { #expect(DeviceProof(text, by: key) == nil, "\(text.prefix(40))") }
        let long = try device.renewal("c", claims: ["x": .string(String(repeating: "a", count: 2_000))])
        #expect(DeviceProof(long, by: key) != nil && DeviceProof(good, by: key)?.challenge == "c")
    }

    @Test("Notes are of one kind, one key and one time", arguments: DeviceNote.allCases)
    func notes(kind: DeviceNote) {
        let text = kind.make(for: Sample.handle, at: Self.now, key: Self.secret)
        let life: Int64 = kind == .offer ? 60 : 600
        for (seconds, isGood) in [(-61, false), (-60, true), (0, true), (life, true), (life + 1, false)] {
            let note = kind.open(text, at: Self.now + .seconds(seconds), key: Self.secret)
            #expect((note?.handle == Sample.handle) == (isGood || kind == .identifier), "\(seconds)")
        }
        #expect(
            kind.open(text, at: Self.now, key: [1]) == nil
                && kind.open(text + "A", at: Self.now, key: Self.secret) == nil)
        for other in DeviceNote.allCases where other != kind {
            #expect(other.open(text, at: Self.now, key: Self.secret) == nil, "\(other)")
        }
        #expect(ProofNonce.time(of: text, at: Self.now, key: Self.secret) == nil)
        let nonce = ProofNonce.make(at: Self.now, random: 1, key: Self.secret)
        #expect(kind.open(nonce, at: Self.now, key: Self.secret) == nil)
        #expect(DeviceNote.identifier.life == nil)
    }
}

// The decisions.
extension DeviceBindingTests {
    static func record(_ key: BoundKey? = nil, levelAt: Timestamp? = nil) -> SessionRecord {
        var record = Sample.record()
        record.traits.boundKey = key
        record.traits.levelAt = levelAt
        return record
    }

    @Test("A registration binds a living session that is bound to nothing, by the offer of its last authentication")
    func register() {
        let (key, other) = (DeviceKey(TestDeviceKey().key.publicKey), DeviceKey(TestDeviceKey().key.publicKey))
        func decided(
            _ record: SessionRecord?, at seconds: Int64 = 1, offered: Timestamp = Self.now
        ) -> Decision<DeviceBinding.Registration> {
            DeviceBinding.register(
                key, offeredAt: offered, against: record, at: Self.now + .seconds(seconds), within: Self.terms)
        }
        let good = decided(Self.record())
        #expect(good.outcome == .bound && good.audit?.name == .bound)
        #expect(good.audit?.details["boundKey"] == .string(key.thumbprint.rawValue))
        #expect(good.change == .replace(Self.record(.device(key))))
        let repeated = decided(Self.record(.device(key)))
        #expect(repeated.outcome == .bound && repeated.change == .keep && repeated.audit == nil)
        for taken in [BoundKey.device(other), .thumbprint(KeyThumbprint(stored: "x")), BoundKey(stored: "dbsc.")] {
            let second = decided(Self.record(taken))
            #expect(second.outcome == .taken && second.change == .keep)
            #expect(second.audit?.name == .bindingRefused && second.audit?.details["reason"] == "other_key")
        }
        let ended = decided(Self.record(), at: 3_600)
        for refused in [decided(nil), ended, decided(Self.record(levelAt: Self.now + .seconds(1)))] {
            #expect(refused.outcome == .refused && refused.change == .keep && refused.audit == nil)
        }
        let stepUp = Self.now + .seconds(30)
        #expect(decided(Self.record(levelAt: stepUp), at: 31, offered: stepUp).outcome == .bound)
        #expect(
            Self.record(levelAt: stepUp).lastAuthentication == stepUp && Self.record().lastAuthentication == Self.now)
    }

    @Test("A renewal wants a good signature of a challenge of ten minutes, and repeats what is asked")
    func renew() throws {
        let (device, later) = (TestDeviceKey(), Self.now + .seconds(600))
        let record = Self.record(.device(DeviceKey(device.key.publicKey)))
        func decided(
            _ proof: String?, _ record: SessionRecord?, at time: Timestamp = Self.now
        ) -> Decision<DeviceBinding.Renewal> {
            DeviceBinding.renew(with: proof, against: record, at: time, noteKey: Self.secret, within: Self.terms)
        }
        let challenge = DeviceNote.challenge.make(for: Sample.handle, at: Self.now, key: Self.secret)
        let good = try device.renewal(challenge)
        for time in [Self.now, Self.now + .seconds(300), later] {
            // The same proof again is the browser's cache, and no attack (DB12).
            for _ in 0..<3 {
                let decision = decided(good, record, at: time)
                #expect(decision.outcome == .proved && decision.change == .keep && decision.audit == nil)
            }
        }
        let foreign = DeviceNote.challenge.make(for: "another", at: Self.now, key: Self.secret)
        let cookie = DeviceNote.cookie.make(for: Sample.handle, at: Self.now, key: Self.secret)
        for stale in [good, try device.renewal(foreign), try device.renewal(cookie), try device.renewal("")] {
            let time = stale == good ? later + .seconds(1) : Self.now
            let decision = decided(stale, record, at: time)
            #expect(
                decision.outcome == .challenged && decision.audit == nil, "a challenge, without a word in the audit log"
            )
        }
        #expect(decided(nil, record).outcome == .challenged && decided(nil, record).audit == nil)
        for wrong in ["", "x", try TestDeviceKey().renewal(challenge), try device.registration(challenge)] {
            let decision = decided(wrong, record)
            #expect(
                decision.outcome == .challenged && decision.audit?.name == .bindingRefused && decision.change == .keep)
        }
        for gone in [nil, Self.record(), Self.record(.thumbprint(KeyThumbprint(stored: "x")))] {
            #expect(decided(good, gone).outcome == .ended)
        }
        #expect(decided(good, record, at: Self.now + Sample.hour).outcome == .ended)
    }

    @Test("A session that is bound to a device gives tokens for its bound cookie alone, and the rest is refused")
    func refusals() {
        let (device, begin) = (BoundKey.device(DeviceKey(TestDeviceKey().key.publicKey)), Self.now + .seconds(1_000))
        let cookie = DeviceNote.cookie.make(for: Sample.handle, at: begin, key: Self.secret)
        let foreign = DeviceNote.cookie.make(for: "another", at: begin, key: Self.secret)
        let challenge = DeviceNote.challenge.make(for: Sample.handle, at: begin, key: Self.secret)
        let cases: [(String?, Int64, Bool, ProofRefusal?)] = [
            (cookie, 0, false, nil), (cookie, 600, false, nil), (cookie, 600, true, nil), (cookie, -60, false, nil),
            (nil, 0, false, .noCookie), (cookie, 601, true, .skipped),
            // A browser that keeps it renews nothing: its clock was set back, or those of two nodes differ.
            (cookie, 601, false, .old), (cookie, 2_000, false, .old), (foreign, 601, false, .old),
            // The clock was set back: the browser keeps the cookie, and renews it once it is taken away.
            (cookie, -61, false, .notYet), (cookie, -61, true, .skipped),
            (nil, 0, true, .skipped), (foreign, 0, false, .notYet),
            (challenge, 0, false, .noCookie), ("", 0, false, .noCookie), ("x", 0, true, .skipped),
        ]
        for (value, seconds, wasSkipped, refusal) in cases {
            var presented = PresentedDevice()
            (presented.cookie, presented.wasSkipped) = (value, wasSkipped)
            let time = begin + .seconds(seconds)
            let evidence = presented.judged(at: time, key: Self.secret)
            for proof in [ProofJudgement.absent, .good(KeyThumbprint(stored: "x"), since: Self.now), .invalid] {
                #expect(Self.record(device).refusal(of: proof, evidence, at: time) == refusal, "\(seconds)")
            }
            #expect(Self.record().refusal(of: .absent, evidence, at: time) == nil, "other browsers notice nothing")
            let key = BoundKey.thumbprint(KeyThumbprint(stored: "x"))
            #expect(Self.record(key).refusal(of: .absent, evidence, at: time) == .noProof, "a cookie is no proof")
            expectDecision(refusal, Self.record(device), evidence, at: time)
        }
    }

    @Test("What left before its session was bound gets nothing, and keeps what it has: for two minutes")
    func notYet() {
        let device = BoundKey.device(DeviceKey(TestDeviceKey().key.publicKey))
        for (stepUp, seconds, refusal) in [
            (nil, 0, .notYet), (nil, 120, .notYet), (nil, 121, .noCookie), (1_000, 1_120, .notYet),
            (1_000, 1_121, .noCookie), (1_000, 500, .notYet),
        ] as [(Int64?, Int64, ProofRefusal)] {
            let time = Self.now + .seconds(seconds)
            let record = Self.record(device, levelAt: stepUp.map { Self.now + .seconds($0) })
            #expect(record.refusal(of: .absent, .none, at: time) == refusal, "\(seconds)")
            expectDecision(refusal, record, .none, at: time)
        }
    }

    /// Decides a refresh, and looks at its outcome and its audit event, also where refusals are only reported.
    private func expectDecision(
        _ refusal: ProofRefusal?, _ record: SessionRecord, _ evidence: DeviceEvidence, at now: Timestamp
    ) {
        let presented = Refresh.Presented(content: Sample.content(), hash: Sample.hash("R0"), antiCSRFToken: nil)
        var rules = Sample.rules(checksAntiCSRF: false)
        rules.device = evidence
        let decided = Refresh.decide(of: presented, against: record, at: now, rules: rules, successor: Sample.successor)
        rules.device.reportsOnly = true
        let reported = Refresh.decide(
            of: presented, against: record, at: now, rules: rules, successor: Sample.successor)
        guard case .issue = reported.outcome else {
            Issue.record("what is only reported was refused")
            return
        }
        if let refusal {
            #expect(decided.outcome == .proofRefused(refusal) && decided.change == .keep)
            #expect(decided.audit?.details == ["reason": .string(refusal.rawValue), "binding": "dbsc"])
            #expect(reported.audit?.details["reported"] == true && reported.audit?.name == .bindingRefused)
        } else {
            guard case .issue = decided.outcome else {
                Issue.record("a good cookie was refused")
                return
            }
            #expect(decided.audit == nil && reported.audit == nil)
        }
    }

    @Test("Where a session is only reported, an event that there is says so")
    func reportedRotation() {
        let record = Self.record(.device(DeviceKey(TestDeviceKey().key.publicKey)))
        var rules = Sample.rules(rotation: .atOnce, checksAntiCSRF: false)
        rules.device.reportsOnly = true
        let presented = Refresh.Presented(content: Sample.content(), hash: Sample.hash("R0"), antiCSRFToken: nil)
        let decided = Refresh.decide(
            of: presented, against: record, at: Self.now, rules: rules, successor: Sample.successor)
        #expect(decided.audit?.name == .refreshed && decided.audit?.details["unproved"] == "not_yet")
        // A DPoP key is asked for whatever is said about cookies.
        let other = Self.record(.thumbprint(KeyThumbprint(stored: "x")))
        let refused = Refresh.decide(
            of: presented, against: other, at: Self.now, rules: rules, successor: Sample.successor)
        #expect(refused.outcome == .proofRefused(.noProof))
    }

    @Test("A request without the cookie shows its session unbound, or unproved where it is bound or has ended")
    func standing() {
        let device = BoundKey.device(DeviceKey(TestDeviceKey().key.publicKey))
        let key = BoundKey.thumbprint(KeyThumbprint(stored: "x"))
        let cases: [(SessionRecord?, Int64, DeviceStanding)] = [
            (Self.record(), 0, .unbound), (Self.record(key), 0, .unbound), (Self.record(device), 0, .unproved),
            (nil, 0, .unproved), (Self.record(), 3_600, .unproved),
        ]
        for (record, seconds, standing) in cases {
            let found = DeviceBinding.standing(
                withoutCookieIn: record, at: Self.now + .seconds(seconds), within: Self.terms)
            #expect(found == standing)
        }
        #expect(ConfirmationClaim.added(to: JSONObjectText(["k": 1]), device) == JSONObjectText(["k": 1]))
    }
}
