import SQLiteStorage
import SessionEngine
import SessionService
import Tessera
import TesseraTesting
import TestSupport
import Testing

@Suite("Where the sessions of this process are kept")
struct SessionPlaceTests {
    private static func open(
        _ place: SessionPlace, _ configuration: SessionConfiguration = SessionConfiguration()
    ) async throws -> Sessions {
        try await Sessions(
            app: AppInfo(name: "Test", apiDomain: "https://api.example.com"), storedIn: place,
            policy: SessionPolicy(signingAlgorithm: .es256), configuration: configuration)
    }

    @Test("sessions in a folder are there after a restart, and those in memory are not")
    func restart() async throws {
        let folder = try TemporaryFolder()
        let token = try await Self.open(.folder(folder.path)).create(userID: "u").accessToken
        let again = try await Self.open(.folder(folder.path))
        #expect(try await again.session(accessToken: token)?.userID == "u")
        let memory = try await Self.open(.memory)
        await #expect(throws: SessionError.self) { try await memory.session(accessToken: token) }
    }

    @Test("finding S22: a folder that another has is one sentence that names it")
    func inUse() async throws {
        let folder = try TemporaryFolder()
        let first = try await Self.open(.folder(folder.path))
        await #expect {
            try await Self.open(.folder(folder.path))
        } throws: { error in
            guard let error = error as? SessionError else { return false }
            return error.code == .misconfigured && error.reason.contains(folder.path) && !error.reason.contains("\n")
        }
        _ = try await first.create(userID: "u")
    }

    @Test(
        "finding S18: after sign out everywhere the access token of another device is refused at once",
        arguments: [true, false], ["all", "one", "user"])
    func revoked(isFolder: Bool, way: String) async throws {
        let folder = try TemporaryFolder()
        let sessions = try await Self.open(isFolder ? .folder(folder.path) : .memory)
        let here = try await sessions.create(userID: "u")
        let there = try await sessions.create(userID: "u")
        #expect(try await sessions.session(accessToken: there.accessToken) != nil)
        switch way {
        case "all": try await here.revokeAll()
        case "one": try await sessions.revoke([there.handle])
        default: try await sessions.revokeAll(of: "u")
        }
        let ended = SessionError.unauthorised(reason: "the session has ended", clearTokens: true)
        await #expect(throws: ended) { try await sessions.session(accessToken: there.accessToken) }
        let trusting = VerifyOptions(checksDatabase: false)
        #expect(try await sessions.session(accessToken: there.accessToken, options: trusting) != nil)
    }

    @Test("finding S18: the look at the storage can be left out for all routes, and asked for on one")
    func configured() async throws {
        var configuration = SessionConfiguration()
        configuration.checksDatabase = false
        let sessions = try await Self.open(.memory, configuration)
        let session = try await sessions.create(userID: "u")
        try await sessions.revoke([session.handle])
        #expect(try await sessions.session(accessToken: session.accessToken) != nil)
        await #expect(throws: SessionError.self) {
            try await sessions.session(
                accessToken: session.accessToken, options: VerifyOptions(checksDatabase: true))
        }
    }

    @Test("finding S18: a session that has expired by its own time is refused too")
    func expired() async throws {
        let test = try await TestSessions(
            policy: SessionPolicy(
                accessTokenValidity: .hours(2), refreshTokenValidity: .hours(1), signingAlgorithm: .es256))
        let session = try await test.sessions.create(userID: "u")
        test.clock.advance(by: .minutes(61))
        await #expect(throws: SessionError.self) { try await test.sessions.session(accessToken: session.accessToken) }
    }

    @Test("finding S22: an error at the start is one sentence and exit code 1")
    func sentence() async {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            await runOrExit { throw SessionError.misconfigured("the folder is in use: stop the other process") }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text == "error: the folder is in use: stop the other process\n")
    }
}
