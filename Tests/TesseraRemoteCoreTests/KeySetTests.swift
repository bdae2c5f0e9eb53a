import EdgeVerdicts
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import TesseraInProcess
import TesseraSessions
import TesseraTesting
import Testing

@testable import TesseraRemoteCore

@Suite("Keys of a remote core (docs/specification/cases.md I)")
struct KeySetTests {
    /// A core whose sessions are made beside it, and whose keys it publishes.
    struct Keyed {
        let made: TestSessions
        let fetches = MutexBox(0)
        let isDown = MutexBox(0)
        let core: ScriptedCore
        let remote: RemoteCore
        let sessions: Sessions

        init(_ uri: String = "http://one.test", keyLife: Milliseconds = .seconds(14_400), maxAge: Int64? = nil)
            async throws
        {
            made = try await TestSessions()
            let keys = try await made.backend.publishedKeys().keys
            let (fetches, isDown) = (fetches, isDown)
            core = ScriptedCore { request in
                guard request.url.contains("jwks.json") else { return nil }
                _ = fetches.next()
                if isDown.value > 0 || request.url.contains("dead") { throw CoreTransportError.notSent("down") }
                if request.url.contains("strange") { return .json(["keys": 1]) }
                #expect(request.fields.isEmpty)
                return .json(["keys": keys], maxAge: maxAge)
            }
            remote = try core.backend(uri, clock: made.clock, keyLife: keyLife)
            sessions = try Sessions(
                app: made.sessions.app, backend: remote,
                clock: ClockAndRandomness(time: { [clock = made.clock] in clock.time }, randomBits: { 0 }))
        }
    }

    @Test("I11 and M9: keys are fetched at the first verification, and a dead core does not matter after it")
    func once() async throws {
        let keyed = try await Keyed()
        let (session, _) = try await keyed.made.signIn("u")
        #expect(keyed.fetches.value == 0)
        for _ in 0..<3 {
            let found = try await keyed.sessions.session(accessToken: session.accessToken)
            #expect(found?.userID == "u")
            _ = keyed.isDown.next()
        }
        #expect(keyed.fetches.value == 1 && keyed.core.requests.count == 1)
    }

    @Test("I12: an unknown key makes the set be fetched again, at most once in half a second")
    func unknownKey() async throws {
        let keyed = try await Keyed()
        let (session, _) = try await keyed.made.signIn("u")
        let other = try await TestSessions().signIn("u").session
        _ = try await keyed.sessions.session(accessToken: session.accessToken)
        keyed.made.clock.advance(by: .seconds(1))
        for _ in 0..<5 {
            await #expect {
                try await keyed.sessions.session(accessToken: other.accessToken)
            } throws: { error in
                if case .tryRefreshToken? = (error as? SessionError)?.kind { true } else { false }
            }
        }
        #expect(keyed.fetches.value == 2)
    }

    @Test("I13: with no keys at all a dead core is a fault of the machine, never an expired session")
    func cold() async throws {
        let keyed = try await Keyed("http://dead.test")
        let (session, _) = try await keyed.made.signIn("u")
        await #expect {
            try await keyed.sessions.session(accessToken: session.accessToken)
        } throws: { error in
            if case .coreUnavailable? = (error as? SessionError)?.kind { true } else { false }
        }
    }

    @Test("I14: keys are kept as long as they may be, the shorter of both limits", arguments: [nil, 20])
    func life(maxAge: Int64?) async throws {
        let keyed = try await Keyed(keyLife: .seconds(maxAge == nil ? 20 : 14_400), maxAge: maxAge)
        let (session, _) = try await keyed.made.signIn("u")
        for (seconds, expected) in [(0, 1), (1, 1), (21, 2), (0, 2)] {
            keyed.made.clock.advance(by: .seconds(Int64(seconds)))
            _ = try await keyed.sessions.session(accessToken: session.accessToken)
            await keyed.remote.keys.settle()
            #expect(keyed.fetches.value == expected)
        }
    }

    @Test("stale keys continue when no core answers any more")
    func stale() async throws {
        let keyed = try await Keyed(keyLife: .seconds(20))
        let (session, _) = try await keyed.made.signIn("u")
        _ = try await keyed.sessions.session(accessToken: session.accessToken)
        _ = keyed.isDown.next()
        keyed.made.clock.advance(by: .seconds(60))
        let found = try await keyed.sessions.session(accessToken: session.accessToken)
        #expect(found?.userID == "u")
    }

    @Test("I15: the second core is asked when the first fails or answers nonsense", arguments: ["dead", "strange"])
    func secondCore(first: String) async throws {
        let keyed = try await Keyed("http://\(first).test;http://one.test")
        let (session, _) = try await keyed.made.signIn("u")
        _ = try await keyed.sessions.session(accessToken: session.accessToken)
        #expect(keyed.fetches.value == 2)
    }

    @Test("a JWK is read as it was written, and nothing else is read")
    func keys() async throws {
        for algorithm in [SigningAlgorithm.rs256, .es256] {
            let made = try await TestSessions(policy: SessionPolicy(signingAlgorithm: algorithm))
            for jwk in try await made.backend.publishedKeys().keys.array ?? [] {
                let object = try #require(jwk.object)
                let key = try #require(VerificationKey(jwk: object))
                #expect(try key.jwk() == object)
                for (name, value) in [("alg", "none"), ("kty", "oct"), ("use", "enc"), ("kid", "../x")] {
                    var other = object
                    other[name] = .some(.string(value))
                    #expect(VerificationKey(jwk: other) == nil, "\(name)")
                }
            }
        }
    }
}
