import Foundation
import Hummingbird
import Tessera
import TesseraHummingbird
import TesseraHummingbirdTesting
import Testing

/// An application with the imports that the tutorial names, and Foundation for its dates.
private struct Profile: Codable, Sendable, Equatable {
    var name: String
    var since: Date
}

extension SessionRequirement {
    fileprivate static let emailVerified = BooleanClaim("ev", maxAge: .minutes(5)) { userID in
        userID == "alice"
    }.isTrue()
}

@Suite("An application with two imports")
struct TwoImportsTests {
    /// Each type of a signature by its name.
    private static let vocabulary: [Any.Type] = [
        JSONObject.self, JSONValue.self, UserID.self, TenantID.self, SessionHandle.self, Timestamp.self,
        Milliseconds.self, Date.self, Logger.self, HTTPFields.self, HTTPRequest.self, HTTPResponse.self,
        SessionPolicy.self, SigningAlgorithm.self, AuditRetention.self, ClockAndRandomness.self,
        InProcessBackend.self, SessionInformation.self, SessionManager.self, (any SessionStorage).self,
        Refresh.SuccessorPolicy.self, AccessToken.self, RefreshToken.self, AntiCSRFToken.self, (any Service).self,
    ]

    private static func router(_ sessions: Sessions) -> Router<BasicTesseraRequestContext> {
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("login/:user") { _, context in
            let user = try context.parameters.require("user")
            let profile = Profile(name: user, since: Date(timeIntervalSince1970: 5))
            try await context.createSession(userID: UserID(user), payload: profile)
            return "Welcome"
        }
        router.require(.session).get("me") { _, context in
            try context.requireSession().payload(as: Profile.self).name
        }
        router.require(.emailVerified).get("verified") { _, _ in "yes" }
        router.require(.fresh(within: .minutes(10)), .emailVerified).get("fresh") { _, _ in "yes" }
        router.require(.session).post("sign-out-everywhere") { _, context in
            try await context.requireSession().revokeAll()
            return "Bye"
        }
        return router
    }

    @Test("finding S2: two imports are enough for sessions in this process, with values of the application")
    func works() async throws {
        #expect(Self.vocabulary.count == 25)
        let test = try await TestSessions()
        let app = Application(router: Self.router(test.sessions), services: [test.sessions])
        try await app.test(.router) { client in
            let (alice, other, bob) = (
                try TestBrowser(client, test), try TestBrowser(client, test), try TestBrowser(client, test)
            )
            #expect(try await alice.get("/me").status == .unauthorized)
            #expect(try await alice.post("/login/alice").text == "Welcome")
            try await other.post("/login/alice")
            try await bob.post("/login/bob")
            #expect(try await alice.get("/me").text == "alice")
            #expect(try await alice.get("/verified").status == .ok)
            #expect(try await bob.get("/verified").status == .forbidden)
            #expect(try await alice.get("/fresh").status == .ok)
            test.clock.advance(by: .minutes(11))
            #expect(try await alice.get("/fresh").status == .forbidden)
            try await alice.post("/sign-out-everywhere")
            #expect(try await other.get("/me").status == .unauthorized)
            #expect(try await bob.get("/me").text == "bob")
        }
    }
}
