import EdgeVerdicts
import Foundations
import Logging
import LosslessJSON
import RevocationFeed
import SessionEngine
import SessionService
import Synchronization
import TesseraInProcess
import TesseraSessions
import TesseraTesting
import TestSupport
import Testing

@testable import TesseraRemoteCore

@Suite("A remote core's feed of ended sessions (docs/feed.md)")
struct FeedTests {
    /// A core whose sessions are made beside it, with a feed that a test writes.
    struct Scene {
        let made: TestSessions
        let page: Pages
        let core: ScriptedCore
        let remote: RemoteCore
        let sessions: Sessions

        final class Pages: Sendable {
            struct State {
                var entries: [FeedEntry] = []
                var isDown = false
                var isEnded = false
                var number = 0
            }
            let state = Mutex(State())
        }

        init(_ option: FeedOption = .on()) async throws {
            made = try await TestSessions()
            let keys = try await made.backend.publishedKeys().keys
            let (page, made) = (Pages(), made)
            self.page = page
            core = ScriptedCore { request in
                if request.url.contains("jwks.json") { return .json(["keys": keys]) }
                if request.url.contains("apiversion") { return nil }
                let state = page.state.withLock { state in
                    state.number += 1
                    return state
                }
                if state.isDown { throw CoreTransportError.unknownOutcome("down") }
                if request.url.contains("/tessera/feed") {
                    #expect(request.field("api-key") == "key")
                    return .json(
                        FeedPage(
                            stream: "s", isReset: !request.url.contains("after="), age: Milliseconds(0),
                            next: "\(state.number)", entries: state.entries
                        ).object)
                }
                if state.isEnded { return .json(["status": "UNAUTHORISED", "message": "gone"]) }
                return .json([
                    "status": "OK",
                    "session": [
                        "handle": "h", "userId": "u", "recipeUserId": "u", "userDataInJWT": [:], "tenantId": "public",
                    ],
                ])
            }
            remote = try core.backend(clock: made.clock, feed: option)
            sessions = try Sessions(
                app: made.sessions.app, backend: remote,
                clock: ClockAndRandomness(time: { [clock = made.clock] in clock.time }, randomBits: { 0 }))
        }

        /// Reads the feed once.
        func read(_ entries: [FeedEntry] = []) async {
            page.state.withLock { $0.entries = entries }
            _ = await remote.feed?.follower.turn()
        }

        func set(isDown: Bool = false, isEnded: Bool = false) {
            page.state.withLock { ($0.isDown, $0.isEnded) = (isDown, isEnded) }
        }

        /// How many requests were about a session.
        var questions: Int { core.requests.count { $0.url.contains("/session/verify") } }

        func verdict(_ session: Session) async -> SessionError? {
            do throws(SessionError) {
                _ = try await sessions.session(accessToken: session.accessToken)
                return nil
            } catch {
                return error
            }
        }
    }

    private static func until(_ scene: Scene) -> Timestamp { scene.made.clock.time + .seconds(3_600) }

    @Test("what the feed says is what a check of the database would say, without a request")
    func ended() async throws {
        let scene = try await Scene()
        let (session, _) = try await scene.made.signIn("u")
        let (other, _) = try await scene.made.signIn("u")
        await scene.read()
        for _ in 0..<5 { #expect(await scene.verdict(session) == nil) }
        let digest = RevocationDigest(of: session.handle.rawValue)
        await scene.read([.session(digest, at: scene.made.clock.time, until: Self.until(scene))])
        #expect(await scene.verdict(session) == .unauthorised(reason: "the session has ended", clearTokens: true))
        #expect(await scene.verdict(other) == nil && scene.questions == 0)
    }

    @Test("a cut-off ends what was made before it, and the core is asked once about what is near")
    func cutOffs() async throws {
        let scene = try await Scene()
        let (session, _) = try await scene.made.signIn("u")
        let (stranger, _) = try await scene.made.signIn("v")
        let user = RevocationDigest(of: "u")
        await scene.read([.user(user, tenant: nil, at: scene.made.clock.time, until: Self.until(scene))])
        for _ in 0..<3 { #expect(await scene.verdict(session) == nil) }
        #expect(scene.questions == 1)
        let later = scene.made.clock.time + .seconds(11)
        await scene.read([.user(user, tenant: nil, at: later, until: Self.until(scene))])
        #expect(await scene.verdict(session)?.code == .unauthorised)
        #expect(await scene.verdict(stranger) == nil && scene.questions == 1)
    }

    @Test("a killed key refuses its tokens as a bad signature does, and leaves the key set")
    func keys() async throws {
        let scene = try await Scene()
        let (session, _) = try await scene.made.signIn("u")
        await scene.read()
        #expect(await scene.verdict(session) == nil)
        let token = try UnverifiedAccessToken(session.accessToken)
        let key = try #require(token.keyID)
        await scene.read([.key(key.rawValue, at: scene.made.clock.time)])
        #expect(await scene.verdict(session)?.code == .tryRefreshToken)
        await scene.remote.keys.settle()
        let published = try await scene.remote.publishedKeys().keys
        #expect(!published.text.contains(key.rawValue))
        #expect(scene.core.requests.count { $0.url.contains("jwks.json") } >= 2)
    }

    @Test(
        "a silent feed is asked about, accepted or refused with 503, never 401",
        arguments: FeedPolicy.WhenSilent.allCases)
    func silence(policy: FeedPolicy.WhenSilent) async throws {
        let scene = try await Scene(.on(FeedPolicy(whenSilent: policy)))
        let (session, _) = try await scene.made.signIn("u")
        await scene.read()
        scene.set(isEnded: true)
        scene.made.clock.advance(by: .seconds(6))
        let verdict = await scene.verdict(session)
        switch policy {
        case .ask:
            #expect(verdict == .unauthorised(reason: "gone", clearTokens: true))
            #expect(await scene.verdict(session)?.code == .unauthorised && scene.questions == 1)
            scene.set(isDown: true)
            scene.made.clock.advance(by: .seconds(6))
            for _ in 0..<3 { #expect(await scene.verdict(session) == nil) }
            scene.made.clock.advance(by: .seconds(60))
            #expect(await scene.verdict(session)?.code == .coreUnavailable)
        case .accept: #expect(verdict == nil && scene.questions == 0)
        case .reject:
            #expect(verdict?.code == .coreUnavailable && verdict?.retryAfterSeconds == 1 && scene.questions == 0)
        }
    }

    @Test("off is as before, and a check of the database asks nobody else")
    func off() async throws {
        let scene = try await Scene(.off)
        let (session, _) = try await scene.made.signIn("u")
        #expect(await scene.verdict(session) == nil)
        #expect(scene.remote.feed == nil && scene.remote.upkeep(logger: Logger(label: "t")) == nil)
        let on = try await Scene(.on(FeedPolicy(whenSilent: .reject)))
        let (other, _) = try await on.made.signIn("u")
        _ = try await on.sessions.session(accessToken: other.accessToken, options: VerifyOptions(checksDatabase: true))
        #expect(on.questions == 1)
    }

    @Test("the service of the sessions reads the feed until it is cancelled")
    func service() async throws {
        let scene = try await Scene()
        let task = Task { try await scene.sessions.run() }
        while !(scene.remote.feed?.verifier.status.isFresh ?? true) { await Task.yield() }
        task.cancel()
        _ = await task.result
        #expect(scene.core.requests.contains { $0.url.contains("/tessera/feed?wait=0") })
    }
}
