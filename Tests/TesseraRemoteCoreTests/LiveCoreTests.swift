import AsyncHTTPClient
import CoreServer
import Crypto
import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import NIOCore
import RevocationFeed
import SessionEngine
import SessionService
import TesseraSessions
import TestSupport
import Testing

@testable import TesseraRemoteCore

@Suite("A remote core over a socket")
struct LiveCoreTests {
    /// Patient, because the whole suite shares two processors; one for all tests, never shut down.
    private static let transport = HTTPClientTransport(
        client: HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(redirectConfiguration: .disallow, timeout: .init(connect: .seconds(600)))),
        timeoutSeconds: 600)

    /// Runs a core on a free port and talks to it.
    private func withCore(
        _ clock: TestClock? = nil, feed: FeedOption = .off, _ body: @escaping @Sendable (Sessions) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var sources = ClockAndRandomness.system
        if let clock { sources.time = { clock.now } }
        let service = try await SessionManager(
            storage: InMemorySessionStorage(), policy: SessionPolicy(signingAlgorithm: .es256),
            clock: sources)
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: logger)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let (ports, running) = AsyncStream.makeStream(of: Int.self)
            let server = CoreHTTPServer(api: api, host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }
            group.addTask {
                try await server.run()
                return false
            }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            let app = try AppInfo(name: "Test", apiDomain: "https://api.test")
            let backend = try RemoteCore(
                connectionURI: "http://127.0.0.1:\(port)", app: app, feed: feed, transport: Self.transport)
            group.addTask {
                try await body(try Sessions(app: app, backend: backend))
                return true
            }
            let isDone = try await group.next()
            #expect(isDone == true)
            group.cancelAll()
        }
    }

    @Test("a proof of a client's key reaches a core elsewhere, and so does what the core answers (docs/dpop.md)")
    func proofs() async throws {
        let clock = TestClock()
        try await withCore(clock) { sessions in
            let key = P256.Signing.PrivateKey()
            func proof(ahead seconds: Int64 = 0, nonce: String? = nil) throws -> PresentedProof {
                let time = clock.now + .seconds(seconds)
                let proof = TestProof(key, at: time, url: "https://api.test/auth/session/refresh")
                let text = try proof.with(claims: ["nonce": nonce.map { .string($0) }]).text()
                return PresentedProof(text, for: "POST https://api.test/auth/session/refresh")
            }
            var new = NewSession(userID: "u1")
            new.proof = PresentedProof("none", for: "none")
            await #expect(throws: SessionError.proofNeeded(nonce: nil)) { try await sessions.backend.create(new) }
            new.proof = try proof()
            let issued = try await sessions.backend.create(new)
            var request = PresentedRefreshToken(refreshToken: issued.refreshToken, signingKeyKind: .dynamic)
            await #expect(throws: SessionError.proofNeeded(nonce: nil)) { try await sessions.backend.refresh(request) }
            request.proof = PresentedProof("\u{e9}\r\n", for: "\n")
            await #expect(throws: SessionError.proofNeeded(nonce: nil)) { try await sessions.backend.refresh(request) }
            request.proof = try proof(ahead: 10)
            var nonce = ""
            do throws(SessionError) { _ = try await sessions.backend.refresh(request) } catch {
                if case .proofNeeded(let given?) = error.kind { nonce = given }
            }
            request.proof = try proof(ahead: 10, nonce: nonce)
            let refreshed = try await sessions.backend.refresh(request)
            clock.advance(by: .seconds(1))
            request.proof = try proof()
            let level = StepUp(level: "aal2", methods: ["otp"])
            #expect(try await sessions.backend.stepUp(level, with: request).session.handle == refreshed.session.handle)
        }
    }

    @Test("a session is bound to the device of a browser at a core elsewhere, and asks for its cookie (docs/dbsc.md)")
    func boundDevices() async throws {
        let clock = TestClock()
        try await withCore(clock) { sessions in
            let remote = try #require(sessions.backend as? RemoteCore)
            var new = NewSession(userID: "u1")
            #expect(try await remote.create(new).deviceOffer == nil)
            clock.advance(by: .seconds(1))
            new.wantsDeviceOffer = true
            let issued = try await remote.create(new)
            let (device, handle) = (TestDeviceKey(), issued.session.handle)
            let proof = try device.registration(try #require(issued.deviceOffer))
            #expect(try await remote.standing(of: nil, in: handle) == .unbound)
            #expect(try await remote.register(DeviceRegistration(proof: proof, handle: "another")) == nil)
            let bound = try #require(try await remote.register(DeviceRegistration(proof: proof, handle: handle)))
            #expect(bound.cookieSeconds == 570)
            #expect(try await remote.standing(of: bound.cookie, in: handle) == .proved)
            #expect(try await remote.standing(of: "x", in: handle) == .unproved)
            var request = PresentedRefreshToken(refreshToken: issued.refreshToken, signingKeyKind: .dynamic)
            request.device.wantsOffer = true
            await #expect(throws: SessionError.deviceNotYet, "it was bound a moment ago") {
                try await remote.refresh(request)
            }
            request.device.wantsOffer = false
            clock.advance(by: .seconds(121))
            for cookie in [nil, "x", "a\"b\r\n", bound.challenge] {
                request.device.cookie = cookie
                let refusal = SessionError.unauthorised(
                    reason: "The session is bound to the device of another browser", clearTokens: true)
                await #expect(throws: refusal) { try await remote.refresh(request) }
            }
            request.device.wasSkipped = true
            await #expect(throws: SessionError.deviceNotYet) { try await remote.refresh(request) }
            request.device.cookie = bound.cookie
            #expect(try await remote.refresh(request).session.handle == handle)
            request.device = PresentedDevice()
            request.device.reportsOnly = true
            #expect(try await remote.refresh(request).session.handle == handle)
            clock.advance(by: .seconds(601))
            let late = DeviceRenewal(
                identifier: bound.identifier, proof: try device.renewal(bound.challenge), handle: handle)
            guard case .challenge(let challenge) = try await remote.renew(late) else { throw Unlikely() }
            let good = DeviceRenewal(identifier: bound.identifier, proof: try device.renewal(challenge))
            guard case .renewed(let next) = try await remote.renew(good) else { throw Unlikely() }
            request.device = PresentedDevice()
            (request.device.cookie, request.device.wantsOffer) = (next.cookie, true)
            #expect(try await remote.stepUp(StepUp(level: "aal2", methods: []), with: request).deviceOffer == nil)
            #expect(
                try await remote.devices(of: "u1", tenant: nil, after: nil, limit: 10).devices.map(\.binding) == [
                    .dbsc, nil,
                ])
            _ = try await remote.revoke([handle], by: .user)
            #expect(try await remote.renew(good) == .ended)
        }
    }

    private struct Unlikely: Error {}

    @Test("a session that ended is refused by what the feed says, and no request asks the core")
    func feed() async throws {
        try await withCore(feed: .on(FeedPolicy(whenSilent: .reject, silence: .seconds(600)))) { sessions in
            let remote = try #require(sessions.backend as? RemoteCore)
            let feed = try #require(remote.feed)
            let other = try await sessions.create(userID: "u")
            let session = try await sessions.create(userID: "u")
            while !feed.verifier.status.isFresh { _ = await feed.follower.turn() }
            _ = try await sessions.session(accessToken: session.accessToken)
            _ = try await sessions.revoke([session.handle])
            while feed.verifier.status.entries == 0 { _ = await feed.follower.turn() }
            await #expect(throws: SessionError.unauthorised(reason: "the session has ended", clearTokens: true)) {
                try await sessions.session(accessToken: session.accessToken)
            }
            _ = try await sessions.session(accessToken: other.accessToken)
        }
    }

    @Test("what a new session asks for, and a step-up, reach a core elsewhere (docs/policy.md)")
    func policy() async throws {
        let clock = TestClock()
        try await withCore(clock) { sessions in
            var new = NewSession(userID: "u")
            new.limits = SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))
            (new.level, new.methods, new.isRemembered) = ("a\"al\\1", ["pwd", "kb a"], true)
            new.authenticatedAt = clock.now + .seconds(-43_000)
            let issued = try await sessions.backend.create(new)
            let end = (clock.now + .seconds(200)).milliseconds
            // Whole seconds travel.
            #expect(abs(issued.refreshTokenExpiresAt.milliseconds - end) <= 1_000)
            let elevated = try await sessions.backend.stepUp(
                StepUp(level: "aal2", methods: ["otp"], isFull: true),
                with: PresentedRefreshToken(refreshToken: issued.refreshToken))
            #expect(elevated.session.handle == issued.session.handle)
            #expect(elevated.refreshTokenExpiresAt == clock.now + .seconds(900))
            new.replacedSession = issued.session.handle
            new.authenticatedAt = nil
            let next = try await sessions.backend.create(new)
            #expect(try await sessions.backend.information(on: issued.session.handle) == nil)
            #expect(try await sessions.backend.information(on: next.session.handle) != nil)
        }
    }

    @Test("AN01 to AN10: anonymous sessions and impersonation reach a core elsewhere (docs/policy.md)")
    func anonymous() async throws {
        try await withCore { sessions in
            var new = NewSession(userID: "", sessionData: ["basket": 1])
            new.isAnonymous = true
            let first = try await sessions.backend.create(new)
            #expect(first.session.userID.isAnonymous)
            var user = NewSession(userID: "u", accessTokenPayload: ["k": 1], sessionData: ["name": "n"])
            (user.level, user.methods) = ("aal1", ["pwd"])
            let presented = PresentedRefreshToken(refreshToken: first.refreshToken)
            let upgraded = try await sessions.backend.upgrade(Upgrade(to: user), with: presented)
            let again = try await sessions.backend.upgrade(Upgrade(to: user), with: presented)
            #expect(again.refreshToken.exposed == upgraded.refreshToken.exposed)
            let information = try await sessions.information(on: upgraded.session.handle)
            #expect(information?.data == ["basket": 1, "name": "n"] && information?.payload["k"] == 1)
            let gone = try await sessions.information(on: first.session.handle)
            #expect(gone == nil)
            var other = NewSession(userID: "u")
            let mara = try #require(ActingParty(subject: "support:mara", issuer: "https://staff.test"))
            other.impersonation = Impersonation(by: mara, reason: "ticket", lifetime: .seconds(60))
            let impersonated = try await sessions.backend.create(other)
            let seen = try await sessions.session(accessToken: impersonated.accessToken.exposed)
            #expect(seen?.actor == mara)
            let isEnded = try await sessions.backend.endImpersonation(impersonated.session.handle)
            let isOwn = try await sessions.backend.endImpersonation(upgraded.session.handle)
            #expect(isEnded && !isOwn)
        }
    }

    @Test("a user's devices are listed, named, ended and forgotten in a core elsewhere (docs/devices.md)")
    func devices() async throws {
        let clock = TestClock()
        try await withCore(clock) { sessions in
            var new = NewSession(userID: "u")
            new.client = ClientFacts(
                address: "203.0.113.57", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0 \u{e9}\u{1F4F1}",
                platform: "Chrome OS", country: "DE", label: "M\u{e9}'s")
            let first = try await sessions.backend.create(new)
            clock.advance(by: .seconds(1))
            new.client = ClientFacts(
                address: "no address", userAgent: "x\r\ny", platform: "\"\\", country: "1\n", label: "")
            let second = try await sessions.backend.create(new)
            let page = try await sessions.devices(of: "u", limit: 1)
            #expect(page.devices.map(\.handle) == [second.session.handle])
            #expect(page.devices.first?.label == "xy" && page.devices.first?.lastAddress == nil)
            let rest = try await sessions.devices(of: "u", after: page.next)
            let device = try #require(rest.devices.first)
            #expect(rest.devices.count == 1 && rest.next == nil && device.label == "M\u{e9}'s")
            #expect(device.lastAddress == "203.0.113.0/24" && device.country == nil && !device.isRemembered)
            #expect(device.userAgent?.hasSuffix("\u{e9}\u{1F4F1}") == true)
            #expect(device.createdAt < device.expiresAt && device.lastSeenAt == device.createdAt)
            #expect("\(device)" == "<redacted>")
            var token = PresentedRefreshToken(refreshToken: first.refreshToken, signingKeyKind: .dynamic)
            token.client = ClientFacts(address: "198.51.100.9")
            _ = try await sessions.backend.refresh(token)
            #expect(try await sessions.devices(of: "u").devices.last?.lastAddress == "198.51.100.0/24")
            #expect(try await sessions.nameDevice("Phone", of: first.session.handle, of: "u"))
            #expect(try await !sessions.nameDevice("Phone", of: first.session.handle, of: "other"))
            #expect(try await sessions.revoke([first.session.handle], of: "other").isEmpty)
            await #expect(throws: SessionError.self) { try await sessions.revokeOthers(of: "u", except: "none") }
            await #expect(throws: SessionError.self) { try await sessions.devices(of: "u", after: "x") }
            #expect(try await sessions.forgetDevices(of: "u") == 2)
            #expect(try await sessions.devices(of: "u").devices.map(\.label) == ["Unknown device", "Unknown device"])
            let ended = try await sessions.revokeOthers(of: "u", except: second.session.handle, by: .user)
            #expect(ended == [first.session.handle])
            let reason = try await sessions.endReason(of: first.session.handle)
            #expect(reason?.cause == .signedOutOthers && reason?.text == "You signed out on all other devices")
            #expect(try await sessions.backend.endReason(ofSessionWith: first.refreshToken) == reason)
            #expect(try await sessions.endReason(of: second.session.handle) == nil)
            #expect(try await sessions.backend.revoke(with: second.refreshToken, by: .user))
            #expect(try await !sessions.backend.revoke(with: second.refreshToken, by: .user))
            #expect(try await sessions.endReason(of: second.session.handle)?.cause == .signedOut)
        }
    }

    @Test("a core of SuperTokens that knows no devices is named as the reason")
    func withoutDevices() async throws {
        let core = ScriptedCore { request in
            guard request.url.contains("/tessera/") else { return nil }
            return CoreResponse(status: 404, maxAgeSeconds: nil, body: Array("Not found".utf8))
        }
        let app = try AppInfo(name: "Test", apiDomain: "https://api.test")
        let sessions = try Sessions(app: app, backend: core.backend())
        do {
            _ = try await sessions.devices(of: "u")
            Issue.record("there is no such call")
        } catch {
            #expect(error.code == .misconfigured && error.reason.contains("keeps no devices"))
        }
        #expect(try await sessions.endReason(of: "h") == nil)
        await #expect(throws: SessionError.self) {
            try await sessions.backend.revoke(with: RefreshToken("a.b.V2"), by: .user)
        }
    }

    @Test("a session is begun, verified, refreshed, changed and ended")
    func life() async throws {
        try await withCore { sessions in
            let session = try await sessions.create(userID: "u", payload: ["role": "admin"], data: ["home": 1])
            let found = try await sessions.session(accessToken: session.accessToken)
            #expect(found?.payload["role"] == "admin" && found?.payload["iss"] == "https://api.test/auth")
            let data = try await session.data()
            #expect(data == ["home": 1])
            try await session.setData(["home": 2])
            try await session.mergePayload(["role": .null, "more": 1])
            #expect(session.payload["role"] == nil && session.payload["more"] == 1)
            let refreshed = try await sessions.refresh(refreshToken: try #require(session.refreshToken))
            let used = try await sessions.session(accessToken: refreshed.accessToken)
            #expect(used?.accessToken != refreshed.accessToken && used?.payload["more"] == 1)
            let handles = try await sessions.handles(of: "u")
            #expect(handles == [session.handle])
            let information = try await sessions.information(on: session.handle)
            #expect(information?.data == ["home": 2])
            let ended = try await sessions.revokeAll(of: "u")
            #expect(ended == [session.handle])
            let text = "Either the session has ended or has been blacklisted"
            await #expect(throws: SessionError.unauthorised(reason: text, clearTokens: true)) {
                try await sessions.session(
                    accessToken: used?.accessToken ?? "", options: VerifyOptions(checksDatabase: true))
            }
            let gone = try await sessions.information(on: session.handle)
            #expect(gone == nil)
        }
    }

    @Test("M10: the same refresh token twice gives one successor; a while later it is theft, and before that nothing")
    func theft() async throws {
        let clock = TestClock(ClockAndRandomness.system.time())
        try await withCore(clock) { sessions in
            let session = try await sessions.create(userID: "u")
            let token = try #require(session.refreshToken)
            async let first = sessions.refresh(refreshToken: token)
            async let second = sessions.refresh(refreshToken: token)
            let children = try await [first, second]
            #expect(children[0].refreshToken?.exposed == children[1].refreshToken?.exposed)
            _ = try await sessions.refresh(refreshToken: try #require(children[0].refreshToken))
            clock.advance(by: .seconds(61))
            let late = await #expect(throws: SessionError.self) { try await sessions.refresh(refreshToken: token) }
            guard case .coreUnavailable? = late?.kind else {
                throw SessionError.badInput("\(String(describing: late))")
            }
            clock.advance(by: .seconds(60))
            await #expect(
                throws: SessionError.tokenTheftDetected(handle: session.handle, userID: "u", recipeUserID: "u")
            ) { try await sessions.refresh(refreshToken: token) }
        }
    }

    @Test("G4, finding R6: a token that the application signed is no session's, whatever its payload says")
    func signed() async throws {
        try await withCore { sessions in
            let session = try await sessions.create(userID: "u")
            let text = try await sessions.sign(session.payload, validity: .seconds(1_234), usesStaticKey: false)
            await #expect(throws: SessionError.self) {
                try await sessions.session(accessToken: text, options: VerifyOptions(checksDatabase: true))
            }
            let keys = try await sessions.backend.publishedKeys()
            #expect(keys.keys.array?.isEmpty == false && keys.maxAgeSeconds > 0)
        }
    }
}
