import Crypto
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Sessions that are bound to a key (RFC 9449)")
struct BindingTests {
    typealias Key = P256.Signing.PrivateKey
    static let target = "POST https://api.example.com/auth/session/refresh"
    static let signIn = "https://api.example.com/sign-in"

    /// A world with one session.
    struct Place {
        let world: World
        let key = Key()
        var issued: IssuedTokens
        var rotation = Refresh.Rotation.atFirstUse

        init(isBound: Bool, policy: SessionPolicy = World.policy) async throws {
            world = try await World(policy: policy)
            var new = NewSession(userID: "u1", accessTokenPayload: ["k": "v"])
            if isBound {
                let proof = try TestProof(key, at: world.clock.now, url: BindingTests.signIn).text()
                new.proof = PresentedProof(proof, for: "POST \(BindingTests.signIn)")
            }
            guard case .created(let issued) = try await world.service.createSession(new) else { throw Unexpected("") }
            self.issued = issued
        }

        /// The proof of a key for a refresh now.
        func proof(_ key: Key? = nil, ahead seconds: Int64 = 0, nonce: String? = nil) throws -> PresentedProof {
            let proof = TestProof(key ?? self.key, at: world.clock.now + .seconds(seconds))
            let text = try proof.with(claims: ["nonce": nonce.map { .string($0) }]).text()
            return PresentedProof(text, for: BindingTests.target)
        }

        func refresh(_ proof: PresentedProof?) async throws -> RefreshResult {
            try await refresh(issued.refreshToken, proof)
        }

        func refresh(_ token: RefreshToken, _ proof: PresentedProof?) async throws -> RefreshResult {
            var request = PresentedRefreshToken(refreshToken: token)
            (request.proof, request.rotation) = (proof, rotation)
            return try await world.service.refresh(request)
        }

        func record() async throws -> SessionRecord? { try await world.storage.session(issued.session.handle) }

        /// The events of the audit log, the oldest first.
        func events() async throws -> [AuditEvent] {
            try await world.storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0))).map(\.event).filter {
                $0.handle == issued.session.handle
            }
        }
    }

    @Test(
        "Introspection says that a bound session's token is good, without a proof and without a refusal in the audit log"
    )
    func introspection() async throws {
        let place = try await Place(isBound: true)
        guard
            case .refreshToken(let record, _) = try await place.world.service.introspect(
                place.issued.refreshToken.exposed)
        else { throw Unexpected("not active") }
        #expect(record.handle == place.issued.session.handle && record.traits.boundKey != nil)
        #expect(try await place.events().map(\.name) == [.created])
    }

    @Test("A proof at creation binds, tokens name the key, and its proofs refresh")
    func bound() async throws {
        let place = try await Place(isBound: true)
        let thumbprint = TestProof.thumbprint(place.key)
        #expect(try await place.record()?.traits.boundKey?.rawValue == thumbprint)
        let confirmation: JSONValue = ["jkt": .string(thumbprint)]
        var token = place.issued
        for _ in 0..<5 {
            let shown = try ReadToken(token.accessToken.exposed).payload
            #expect(shown["cnf"] == confirmation && shown["k"] == "v")
            // With the database: the stored payload, which lacks the member, counts as the same.
            guard
                case .valid(_, let other, nil) = try await place.world.verify(token.accessToken.exposed, database: true)
            else { throw Unexpected("\(shown)") }
            #expect((other == nil) == (token.accessToken.exposed == place.issued.accessToken.exposed))
            if let other { #expect(try ReadToken(other.exposed).payload["cnf"] == confirmation) }
            place.world.clock.advance(by: .seconds(100))
            token = try #require(try await place.refresh(token.refreshToken, place.proof()).tokens)
        }
        let regenerated = try await place.world.service.regenerate(
            accessToken: token.accessToken.exposed, payload: ["n": 1])
        guard case .regenerated(_, let other?) = regenerated else { throw Unexpected("\(regenerated)") }
        let shown = try ReadToken(other.exposed).payload
        #expect(shown["cnf"] == confirmation && shown["n"] == 1 && shown["k"] == nil)
        #expect(try await place.record()?.accessTokenPayload.decoded() == ["n": 1], "it is in tokens alone")
    }

    @Test("A refresh binds nothing, so a thief with a copied unbound token cannot take the session over")
    func unbound() async throws {
        let place = try await Place(isBound: false)
        let stolen = try await place.refresh(place.proof(Key()))
        #expect(stolen.tokens != nil, "proofs are not looked at")
        #expect(try await place.record()?.traits.boundKey == nil)
        let payload = try ReadToken(#require(stolen.tokens).accessToken.exposed).payload
        #expect(payload["cnf"] == nil)
        #expect(try await place.refresh(nil).tokens != nil)
        #expect(try await place.refresh(PresentedProof("none", for: "none")).tokens != nil)
    }

    @Test("Without a good proof of its key nothing is given, and the session lives", arguments: [false, true])
    func refused(isSuperseded: Bool) async throws {
        var place = try await Place(isBound: true)
        let stolen = place.issued.refreshToken
        if isSuperseded {
            for _ in 0..<3 {
                place.world.clock.advance(by: .seconds(600))
                place.issued = try #require(try await place.refresh(place.proof()).tokens)
            }
        }
        let record = try await place.record()
        #expect(try await place.refresh(stolen, place.proof(Key())).refusal == .boundToOtherKey)
        for proof in [nil, PresentedProof("none", for: Self.target), PresentedProof("", for: "")] {
            guard case .proofNeeded(nil) = try await place.refresh(stolen, proof) else {
                throw Unexpected("\(proof as Any)")
            }
        }
        let elsewhere = PresentedProof(try place.proof().text, for: "POST https://api.example.com/other")
        guard case .proofNeeded(nil) = try await place.refresh(stolen, elsewhere) else { throw Unexpected("target") }
        guard case .proofNeeded(.some) = try await place.refresh(stolen, place.proof(ahead: -61)) else {
            throw Unexpected("")
        }
        #expect(try await place.record() == record, "nothing was written")
        place.world.clock.advance(by: .seconds(1))
        #expect(try await place.refresh(place.proof()).tokens != nil)
    }

    @Test("Who has the key and a superseded token is found out as ever")
    func reuse() async throws {
        let place = try await Place(isBound: true)
        var token = place.issued.refreshToken
        for _ in 0..<3 {
            place.world.clock.advance(by: .seconds(600))
            token = try #require(try await place.refresh(token, place.proof()).tokens).refreshToken
        }
        place.world.clock.advance(by: .seconds(600))
        #expect(try await place.refresh(place.proof()).isReuse)
    }

    @Test(
        "A token that was superseded ends a session by a revocation only where it is bound to no key",
        arguments: [false, true])
    func revocation(isBound: Bool) async throws {
        var place = try await Place(isBound: isBound)
        let (service, copied) = (place.world.service, place.issued.refreshToken)
        for _ in 0..<3 {
            place.world.clock.advance(by: .seconds(600))
            place.issued = try #require(try await place.refresh(isBound ? place.proof() : nil).tokens)
        }
        let record = try await place.record()
        #expect(try await service.revoke(with: copied) != isBound)
        #expect(try await place.record() == (isBound ? record : nil))
        for _ in 0..<3 { #expect(try await service.revoke(with: copied) == false) }
        let events = try await place.events().filter { $0.name != .refreshed && $0.name != .created }
        #expect(events.map(\.name) == [isBound ? .bindingRefused : .reuseDetected])
        #expect(events.first?.details["reason"] == (isBound ? "proof" : nil))
        guard isBound else { return }
        #expect(try await service.revoke(with: place.issued.refreshToken))
        #expect(try await place.record() == nil)
    }

    @Test("A lost reply with proofs is no theft: the same token gives the same child")
    func lostReply() async throws {
        let place = try await Place(isBound: true)
        let one = try #require(try await place.refresh(place.proof()).tokens)
        place.world.clock.advance(by: .seconds(20))
        let two = try #require(try await place.refresh(place.proof()).tokens)
        #expect(one.refreshToken.exposed == two.refreshToken.exposed)
    }

    @Test("A client whose clock is fast is given a nonce, and succeeds with it", arguments: [10, -120, 31_536_000])
    func fastClock(seconds: Int64) async throws {
        let place = try await Place(isBound: true)
        guard case .proofNeeded(let nonce?) = try await place.refresh(place.proof(ahead: seconds)) else {
            throw Unexpected("no nonce")
        }
        #expect(try await place.refresh(place.proof(ahead: seconds, nonce: nonce)).tokens != nil)
        #expect(try await place.refresh(place.proof(Key(), nonce: nonce)).refusal == .boundToOtherKey)
        place.world.clock.advance(by: .seconds(301))
        guard case .proofNeeded(.some) = try await place.refresh(place.proof(nonce: nonce)) else {
            throw Unexpected("old")
        }
    }

    @Test(
        "A proof that was answered is worth nothing again: not with its own token, not with a later one",
        arguments: [Refresh.Rotation.atFirstUse, .atOnce], [false, true])
    func replay(rotation: Refresh.Rotation, withNonce: Bool) async throws {
        var place = try await Place(isBound: true)
        place.rotation = rotation
        let first = place.issued.refreshToken
        var nonce: String?
        if withNonce {
            guard case .proofNeeded(let given?) = try await place.refresh(place.proof(ahead: -61)) else {
                throw Unexpected("no nonce")
            }
            nonce = given
        }
        place.world.clock.advance(by: Milliseconds(20))
        let captured = try place.proof(nonce: nonce)
        let second = try #require(try await place.refresh(captured).tokens)
        place.world.clock.advance(by: Milliseconds(20))
        let record = try await place.record()
        for stolen in [first, second.refreshToken] {
            for pause in [0, 1_000, 50_000] as [Int64] {
                place.world.clock.advance(by: Milliseconds(pause))
                let answer = try await place.refresh(stolen, captured)
                guard case .proofNeeded(.some) = answer else { throw Unexpected("given") }
            }
        }
        #expect(try await place.record() == record, "nothing was written, the session lives")
        let third = try #require(try await place.refresh(second.refreshToken, place.proof()).tokens)
        place.world.clock.advance(by: .seconds(600))
        // Long superseded by now, which without the key is no reason to end the session.
        for stolen in [first, second.refreshToken] {
            let answer = try await place.refresh(stolen, captured)
            guard case .proofNeeded(.some) = answer else { throw Unexpected("judged") }
        }
        #expect(try await place.refresh(third.refreshToken, place.proof()).tokens != nil)
    }

    @Test("After the clock of a server was set back its sessions are refreshed as ever")
    func clockSetBack() async throws {
        let place = try await Place(isBound: true)
        place.world.clock.advance(by: .seconds(7_200))
        let second = try #require(try await place.refresh(place.proof()).tokens)
        place.world.clock.advance(by: .seconds(0) - .seconds(3_600))
        #expect(try await place.refresh(second.refreshToken, place.proof()).tokens != nil)
    }

    @Test("Refusals are in the audit log once a minute, with their reason")
    func audit() async throws {
        let place = try await Place(isBound: true)
        #expect(try await place.events().first?.details["boundKey"] == .string(TestProof.thumbprint(place.key)))
        func refusals() async throws -> [JSONValue?] {
            try await place.events().filter { $0.name == .bindingRefused }.map { $0.details["reason"] }
        }
        for _ in 0..<10 {
            _ = try await place.refresh(nil)
            place.world.clock.advance(by: .seconds(5))
        }
        #expect(try await refusals() == ["proof"])
        place.world.clock.advance(by: .seconds(10))
        for _ in 0..<3 { _ = try await place.refresh(place.proof(Key())) }
        #expect(try await refusals().compactMap(\.self).sorted { "\($0)" < "\($1)" } == ["other_key", "proof"])
        #expect(AuditEvent.Name(rawValue: "binding_refused") == .bindingRefused)
    }

    @Test("What is no proof at creation begins no session, and one of another time binds")
    func creation() async throws {
        let world = try await World()
        var new = NewSession(userID: "u1")
        new.proof = PresentedProof("none", for: "POST \(Self.signIn)")
        guard case .proofRefused = try await world.service.createSession(new) else { throw Unexpected("created") }
        let key = Key()
        let proof = try TestProof(key, at: world.clock.now + .seconds(86_400), url: Self.signIn).text()
        new.proof = PresentedProof(proof, for: "POST \(Self.signIn)")
        guard case .created(let issued) = try await world.service.createSession(new) else {
            throw Unexpected("refused")
        }
        let record = try await world.storage.session(issued.session.handle)
        #expect(record?.traits.boundKey?.rawValue == TestProof.thumbprint(key))
    }

    @Test("A step-up binds a session that was not bound, and asks a bound one for its key")
    func stepUp() async throws {
        let level = StepUp(level: "aal2", methods: ["otp"], isFull: true)
        for isBound in [false, true] {
            let place = try await Place(isBound: isBound)
            var request = PresentedRefreshToken(refreshToken: place.issued.refreshToken)
            request.proof = PresentedProof("none", for: Self.target)
            guard case .proofNeeded(nil) = try await place.world.service.stepUp(level, with: request) else {
                throw Unexpected("\(isBound)")
            }
            request.proof = try place.proof()
            let stepped = try #require(try await place.world.service.stepUp(level, with: request).tokens)
            place.world.clock.advance(by: .seconds(1))
            request.proof = try place.proof()
            let repeated = try #require(try await place.world.service.stepUp(level, with: request).tokens)
            #expect(stepped.refreshToken.exposed == repeated.refreshToken.exposed, "a lost reply is no theft")
            #expect(try await place.record()?.traits.boundKey?.rawValue == TestProof.thumbprint(place.key))
            place.world.clock.advance(by: .seconds(1))
            #expect(try await place.refresh(stepped.refreshToken, place.proof(Key())).refusal == .boundToOtherKey)
            #expect(try await place.refresh(stepped.refreshToken, place.proof()).tokens != nil)
        }
        let plain = try await Place(isBound: false)
        let request = PresentedRefreshToken(refreshToken: plain.issued.refreshToken)
        let stepped = try #require(try await plain.world.service.stepUp(level, with: request).tokens)
        #expect(try await plain.record()?.traits.boundKey == nil)
        #expect(try await plain.refresh(stepped.refreshToken, nil).tokens != nil)
    }

    @Test("A stored key that is no thumbprint is that of no client")
    func damaged() async throws {
        let place = try await Place(isBound: true)
        try await place.world.storage.update(place.issued.session.handle) { record, _ in
            guard var record else { return Decision(.keep, ()) }
            record.traits.boundKey = BoundKey(stored: "")
            return Decision(.replace(record), ())
        }
        #expect(try await place.refresh(place.proof()).refusal == .boundToOtherKey)
        guard case .proofNeeded(nil) = try await place.refresh(nil) else { throw Unexpected("given") }
    }
}
