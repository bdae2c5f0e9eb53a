import Crypto
import Foundations
import HTTPTypes
import LosslessJSON
import Synchronization
import Testing

@testable import TesseraClient
@testable import TesseraClientTesting

@Suite("Keys of sessions and their proofs (RFC 9449)")
struct ProofTests {
    /// A place whose server binds sessions, and whose client proves its keys.
    private static func place(
        _ use: ProofUse = .refresh, _ proofs: ScriptedServer.Proofs = .accept, asksForNonce: Bool = false,
        store: any SessionStore = MemoryStore(), keys: any ProofKeys = SoftwareKeys()
    ) throws -> ClientPlace {
        let place = try ClientPlace(store: store) { ($0.proofs, $0.proofKeys) = (use, keys) }
        place.server.setProofs(proofs, asksForNonce: asksForNonce)
        return place
    }

    /// Another client of the same store.
    private static func client(
        _ place: ClientPlace, store: (any SessionStore)? = nil, boot: String = "test",
        keys: any ProofKeys = SoftwareKeys()
    ) throws -> SessionClient {
        try ClientPlace.client(place.server, store ?? place.store, place.clock.clock(boot: boot)) {
            ($0.proofs, $0.proofKeys) = (.refresh, keys)
        }
    }

    private static func proofs(_ place: ClientPlace, _ path: String) -> [String?] {
        place.server.record.requests.filter { $0.path == path }.map { $0.headerFields[SessionFields.proofName] }
    }

    private static func thumbprint(_ place: ClientPlace) async throws -> String? {
        try await place.tokens.flatMap { try place.client.key(of: $0) }?.thumbprint
    }

    @Test("the thumbprint, the hash of a token and the form of a proof are those of RFC 7638, RFC 9449 and section 6.7")
    func vectors() throws {
        // The key of RFC 7515 A.3.
        let kept = try #require(Base64.url.decode(Array("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI".utf8)))
        let key = try ProvingKey(SoftwareKeys(), KeptKey(kind: "software", bytes: kept))
        #expect(key.thumbprint == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")
        let request = HTTPRequest(
            method: .post, scheme: "https", authority: "api.example.com", path: "/auth/session/refresh?a=b#c")
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln"
        let text = try key.proof(
            for: request, at: 1_764_282_000_999, random: [1, .max], nonce: "n", accessToken: token)
        let (found, claims) = try #require(ServedProof.read(text))
        #expect(found == key.thumbprint)
        let expected: JSONObject = [
            "jti": "1-ffffffffffffffff", "htm": "POST", "htu": "https://api.example.com/auth/session/refresh",
            "iat": 1_764_282_000, "nonce": "n", "ath": "uK9_MH_h_U-RimWTi-ViJVY8deZrUCS6dMB5fSLl06Q",
        ]
        #expect(claims == expected)
        let header = try #require(Base64.url.decode(Array(text.split(separator: ".")[0].utf8)))
        let members = try #require(try JSONValue(parsing: header).object)
        #expect(members["typ"] == "dpop+jwt" && members["alg"] == "ES256" && members.names.count == 3)
        #expect(members["jwk"]?.object?.names == ["crv", "kty", "x", "y"], "no private member")
    }

    @Test("a sign-in binds its session to a new key, which refreshes prove and calls do not")
    func bound() async throws {
        let place = try Self.place()
        try await place.signIn()
        let first = try #require(try await Self.thumbprint(place))
        for _ in 0..<3 {
            place.expire()
            #expect(try await place.me() == (200, "alice"))
        }
        #expect(try await Self.thumbprint(place) == first && place.server.record.refreshes == 3)
        #expect(Self.proofs(place, "/auth/session/refresh").compactMap(\.self).count == 3)
        #expect(Set(Self.proofs(place, "/auth/session/refresh")).count == 3, "each is another one")
        #expect(Self.proofs(place, "/me").allSatisfy { $0 == nil })
        #expect(try await place.client.signOut() == .confirmed)
        #expect(Self.proofs(place, "/auth/session/revoke").compactMap(\.self).count == 1)
        try await place.signIn()
        #expect(try await Self.thumbprint(place) != first, "each session has its own")
        #expect(place.server.record.refusedProofs == [])
    }

    @Test("a server that binds no sessions is none the worse for proofs, and no key is kept")
    func unbound() async throws {
        let place = try Self.place(.refresh, .off)
        try await place.signIn()
        #expect(try await place.tokens?.key == nil)
        place.expire()
        #expect(try await place.me() == (200, "alice"))
        let plain = try Self.place(.off, .accept)
        try await plain.signIn()
        plain.expire()
        #expect(try await plain.me() == (200, "alice"))
        #expect(Self.proofs(plain, "/login") == [nil] && Self.proofs(plain, "/auth/session/refresh") == [nil])
    }

    @Test("400 use_dpop_nonce: once more with the nonce, at once and in one refresh")
    func nonce() async throws {
        let place = try Self.place(asksForNonce: true)
        try await place.signIn()
        place.expire()
        #expect(try await place.me() == (200, "alice"))
        #expect(place.server.record.refreshes == 2 && place.server.record.refusedProofs == ["use_dpop_nonce"])
        let texts = Self.proofs(place, "/auth/session/refresh").compactMap(\.self)
        #expect(try #require(ServedProof.read(texts[1])).claims["nonce"] != nil)
    }

    @Test("a nonce that a proxy drops, or that never suffices, ends no session and makes no loop")
    func nonceAway() async throws {
        let place = try Self.place(asksForNonce: true)
        try await place.signIn()
        place.expire()
        place.always(ClientPlace.refreshPath, .stripped(["dpop-nonce"]))
        await #expect(throws: ClientError.refused(status: 400)) { try await place.me() }
        #expect(try await place.tokens != nil && place.server.record.refreshes == 1)
        place.server.setFault(nil)
        place.clock.advance(by: .seconds(60))
        #expect(try await place.me() == (200, "alice"))
    }

    @Test("CL28: a clock that is wrong by a year is no hindrance, also after a restart", arguments: [-1, 1] as [Int64])
    func clock(_ sign: Int64) async throws {
        let place = try Self.place()
        place.clock.setWall(place.clock.wall &+ sign * 31_536_000_000)
        try await place.signIn()
        place.expire()
        #expect(try await place.me() == (200, "alice"))
        #expect(place.server.record.refusedProofs == [], "the server's own time is known from the token")
        place.expire()
        place.clock.setWall(place.clock.wall &- sign * 63_072_000_000)
        let restarted = try Self.client(place, boot: "another")
        #expect(try await place.me(restarted) == (200, "alice"))
        #expect(place.server.record.refusedProofs == ["use_dpop_nonce"], "after a restart the clock is all there is")
    }

    @Test("a session whose key is gone ends here with its reason, and at the server")
    func keyLost() async throws {
        for damage in [KeptKey(kind: "enclave", bytes: [1]), KeptKey(kind: "software", bytes: []), nil] {
            let place = try Self.place()
            try await place.signIn()
            place.expire()
            _ = try await place.store.update { kept in
                var next = kept
                next.tokens?.key = damage
                return next
            }
            #expect(try await place.me().0 == 401)
            #expect(try await place.client.state == .signedOut(.keyLost))
            await place.client.signOuts?.value
            #expect(place.server.record.refreshes == 0, "found before any request")
            #expect(place.server.liveSessions.isEmpty && place.server.record.ended["s1"] == "user")
            try await place.signIn()
            #expect(try await place.me() == (200, "alice"))
        }
    }

    @Test("a key that cannot be used now is no end of its session")
    func unavailable() async throws {
        let keys = LockedKeys()
        let place = try Self.place(keys: keys)
        try await place.signIn()
        place.expire()
        keys.isLocked.withLock { $0 = true }
        await #expect(throws: ClientError.storageUnavailable("locked")) { try await place.me() }
        #expect(try await place.tokens != nil && place.server.record.refreshes == 0)
        keys.isLocked.withLock { $0 = false }
        place.clock.advance(by: .seconds(60))
        #expect(try await place.me() == (200, "alice"))
        _ = try await place.client.signOut()
        keys.isLocked.withLock { $0 = true }
        await #expect(throws: ClientError.storageUnavailable("locked")) { try await place.signIn() }
        #expect(place.server.record.requests.last?.path == "/auth/session/revoke", "no session begins without its key")
    }

    @Test("copied tokens are worth nothing without the key, and their owner notices nothing")
    func copied() async throws {
        let place = try Self.place()
        try await place.signIn()
        let token = try #require(try await place.tokens?.refresh)
        let key = try ProvingKey(SoftwareKeys(), KeptKey(kind: "software", bytes: SoftwareKeys().make()))
        let thief = try Self.client(place, store: MemoryStore())
        let steady = place.clock.clock().steady
        #expect(await thief.verdict(on: token, nil, at: steady) == .fault(.refused(status: 400)))
        #expect(await thief.verdict(on: token, key, at: steady) == .ended(.ended))
        place.expire()
        #expect(try await place.me() == (200, "alice") && place.server.record.ended == [:])
        #expect(place.server.record.refusedProofs == ["invalid_dpop_proof", "other_key"])
    }

    @Test("a server that asks for proofs of calls gets them, with the hash of the token", arguments: ProofUse.allCases)
    func calls(_ use: ProofUse) async throws {
        guard use != .off else { return }
        for asksForNonce in [false, true] {
            let place = try Self.place(use, .everyCall, asksForNonce: asksForNonce)
            try await place.signIn()
            for _ in 0..<3 { #expect(try await place.me() == (200, "alice")) }
            place.expire()
            #expect(try await place.me() == (200, "alice"))
            let calls = Self.proofs(place, "/me")
            if !asksForNonce { #expect(calls.count == (use == .everyCall ? 4 : 5) && calls.last != nil) }
            #expect(
                place.server.record.refreshes == (asksForNonce ? 2 : 1), "a refusal of a call is no reason to refresh")
            #expect(try await place.client.signOut() == .confirmed)
        }
    }

    @Test("a call is not sent again where its body cannot be, and the next one has its proof")
    func callsNotSent() async throws {
        let place = try Self.place(.refresh, .everyCall)
        try await place.signIn()
        func upload() async throws -> Int {
            let (once, end) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
            end.finish()
            return try await place.client.data(for: ClientPlace.request(.post, "/me"), body: .once(once)).0.status.code
        }
        await #expect(throws: ClientError.bodyNotReplayable) { try await upload() }
        #expect(try await upload() == 200)
        #expect(place.server.record.refreshes == 0 && place.server.record.refusedProofs == ["invalid_dpop_proof"])
    }

    @Test("a lost key is found by a call that has to prove it, too")
    func keyLostInCall() async throws {
        let place = try Self.place(.everyCall, .everyCall)
        try await place.signIn()
        _ = try await place.store.update { kept in
            var next = kept
            next.tokens?.key = nil
            return next
        }
        #expect(try await place.me().0 == 401)
        #expect(try await place.client.state == .signedOut(.keyLost))
        await place.client.signOuts?.value
        #expect(place.server.record.refreshes == 0 && place.server.liveSessions.isEmpty)
    }

    @Test("no proof leaves the origin")
    func redirected() async throws {
        let place = try Self.place(.everyCall, .everyCall)
        try await place.signIn()
        place.once("/me", .redirect("https://evil.example/take"))
        _ = try await place.me()
        #expect(place.server.record.foreign.count == 1)
        #expect(place.server.record.foreign.allSatisfy { $0.headerFields[SessionFields.proofName] == nil })
    }

    @Test("two processes of one store prove one key, and a sign-in by proof replaces what was there")
    func shared() async throws {
        let folder = try TestFolder()
        let place = try Self.place(store: FileStore(folder: folder.path))
        try await place.signIn()
        let other = try Self.client(place, store: FileStore(folder: folder.path))
        for client in [other, place.client, other] {
            place.expire()
            #expect(try await place.me(client) == (200, "alice"))
        }
        #expect(place.server.record.refusedProofs == [] && place.server.record.ended == [:])
    }

    @Test("the record keeps the key, prints nothing of it, and takes an unreadable one for lost")
    func record() throws {
        var session = StoredSession()
        session.account = 1
        let key = KeptKey(kind: "software", bytes: [1, 2, 3])
        let tokens = StoredTokens(
            refresh: Secret("r"), access: Secret("a"), front: "f", lifetime: 1, arrivedWall: 2, arrivedSteady: 3,
            boot: "b", key: key)
        session.tokens = tokens
        session.pendingSignOuts = [PendingSignOut(tokens, since: 4)]
        #expect(try StoredSession(bytes: session.bytes) == session)
        #expect("\(session) \(key)".contains("1, 2, 3") == false)
        var object = try #require(try JSONValue(parsing: session.bytes).object)
        var changed = try #require(object["tokens"]?.object)
        for value in [JSONValue.null, .string(""), .object([:]), .object(["kind": "software", "bytes": "!"])] {
            changed["key"] = .some(value)
            object["tokens"] = .object(changed)
            let found = try StoredSession(bytes: object.serialized()).tokens?.key
            #expect(found != nil, "not a missing one: \(value)")
            if let found { #expect(throws: ProofKeyError.self) { try SoftwareKeys().publicKey(of: found.bytes) } }
        }
    }
}

/// Keys that are locked at times, as those of a device before its first unlock.
private final class LockedKeys: ProofKeys {
    let kind = "locked"
    let isLocked = Mutex(false)
    private let keys = SoftwareKeys()

    private func open() throws(ProofKeyError) {
        if isLocked.withLock({ $0 }) { throw .unavailable("locked") }
    }

    func make() throws(ProofKeyError) -> [UInt8] {
        try open()
        return try keys.make()
    }

    func publicKey(of kept: [UInt8]) throws(ProofKeyError) -> [UInt8] { try keys.publicKey(of: kept) }

    func signature(of bytes: [UInt8], by kept: [UInt8]) throws(ProofKeyError) -> [UInt8] {
        try open()
        return try keys.signature(of: bytes, by: kept)
    }
}
