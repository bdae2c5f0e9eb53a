import Foundations
import HTTPTypes
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TesseraSessions
import TesseraTesting
import Testing

@Suite("Why was I signed out? (docs/devices.md)")
struct EndReasonTests {
    private static let policy = SessionPolicy(
        signingAlgorithm: .es256, limits: SessionLimits(idle: .seconds(900), absolute: .seconds(43_200)),
        sessionLimit: SessionLimit(2))

    /// What ends a session, with the words that its user is given.
    enum Way: String, CaseIterable, Sendable {
        case signOut, everywhere, others, administrator, application, idle, absolute, limit, theft, replaced

        var cause: SessionEnd.Cause {
            switch self {
            case .signOut: .signedOut
            case .everywhere: .signedOutEverywhere
            case .others: .signedOutOthers
            case .administrator: .administrator
            case .application: .application
            case .idle: .idle
            case .absolute: .absolute
            case .limit: .limit
            case .theft: .reuse
            case .replaced: .replaced
            }
        }

        var text: String {
            switch self {
            case .signOut: "You signed out"
            case .everywhere: "You signed out on all devices"
            case .others: "You signed out on all other devices"
            case .administrator: "An administrator signed you out"
            case .application: "You were signed out by the service"
            case .idle: "You were not active for about 15 minutes"
            case .absolute: "You have to sign in again every 12 hours"
            case .limit: "You signed in on another device, and only 2 devices can be signed in"
            case .theft: "A copy of this sign-in may have been used elsewhere, so it was ended"
            case .replaced: "You signed in again"
            }
        }

        /// Ends the session in this way; what its client then presents is returned where that is another token.
        func end(_ handle: SessionHandle, _ token: RefreshToken, _ test: TestSessions) async throws -> RefreshToken? {
            let sessions = test.sessions
            switch self {
            case .signOut: try await sessions.revoke([handle], by: .user)
            case .everywhere: try await sessions.revokeAll(of: "user1", by: .user)
            case .others:
                let other = try await sessions.create(userID: "user1")
                try await sessions.revokeOthers(of: "user1", except: other.handle, by: .user)
            case .administrator: try await sessions.revoke([handle], by: .administrator)
            case .application: try await sessions.revoke([handle])
            case .idle: test.clock.advance(by: .seconds(900))
            case .absolute: return try await used(token, test)
            case .limit:
                for _ in 0..<2 {
                    test.clock.advance(by: .seconds(1))
                    _ = try await sessions.create(userID: "user1")
                }
            case .theft:
                var child = try await sessions.refresh(refreshToken: token)
                test.clock.advance(by: .seconds(600))
                child = try await sessions.refresh(refreshToken: try #require(child.refreshToken))
                test.clock.advance(by: .seconds(300))
                _ = try await sessions.refresh(refreshToken: try #require(child.refreshToken))
            case .replaced:
                var new = NewSession(userID: "user1")
                new.replacedSession = handle
                _ = try await sessions.backend.create(new)
            }
            return nil
        }

        /// Uses a session until its absolute limit has passed.
        private func used(_ token: RefreshToken, _ test: TestSessions) async throws -> RefreshToken {
            var token = token
            for _ in 0..<59 {
                test.clock.advance(by: .seconds(720))
                token = try #require(try await test.sessions.refresh(refreshToken: token).refreshToken)
            }
            test.clock.advance(by: .seconds(720))
            return token
        }
    }

    @Test(
        "A client whose refresh is refused is given the reason in words, where the application allows it",
        arguments: Way.allCases)
    func reasons(way: Way) async throws {
        let fixture = try await Fixture({ $0.explainsEnds = true }, policy: Self.policy)
        try await fixture.run(.router) { browser in
            let (reply, tokens) = try await browser.signIn("header")
            let handle = SessionHandle(reply.body)
            let token = RefreshToken(try #require(tokens.refresh))
            let last = try await way.end(handle, token, fixture.test)
            var presented = tokens
            presented.refresh = last?.exposed ?? tokens.refresh
            let refused = try await browser.call(.post, "/auth/session/refresh", presented.refreshFields)
            #expect(refused.status == 401 && refused["front-token"] == "remove")
            #expect(refused.json?["ended"]?.object?["cause"] == .string(way.cause.rawValue), "\(refused.body)")
            #expect(refused.json?["ended"]?.object?["text"] == .string(way.text))
            let known = try await fixture.test.sessions.endReason(of: handle)
            #expect(known?.cause == way.cause && known?.text == way.text)
        }
    }

    @Test("By default nothing is said, and what is no token of a session that ended has no reason")
    func silence() async throws {
        for explains in [false, true] {
            let fixture = try await Fixture({ $0.explainsEnds = explains }, policy: Self.policy)
            try await fixture.run(.router) { browser in
                let (reply, tokens) = try await browser.signIn("header")
                #expect(try await fixture.test.sessions.endReason(of: SessionHandle(reply.body)) == nil, "it lives")
                var forged = tokens
                forged.refresh = tokens.refresh.map { "A" + $0.dropFirst() }
                let refused = try await browser.call(.post, "/auth/session/refresh", forged.refreshFields)
                #expect(refused.json == ["message": "unauthorised"])
                try await fixture.test.sessions.revoke([SessionHandle(reply.body)], by: .user)
                let ended = try await browser.call(.post, "/auth/session/refresh", tokens.refreshFields)
                #expect((ended.json?["ended"] != nil) == explains)
            }
        }
    }
}
