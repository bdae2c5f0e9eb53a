import LosslessJSON
import SessionEngine
import TesseraSessions
import Testing

@testable import TesseraRemoteCore

@Suite("Asking cores (docs/specification/cases.md J and C)")
struct QuerierTests {
    private static let refused = CoreTransportError.notSent("connection refused")

    @Test("J1 and A18: the version is asked for once, with the key and without a version")
    func version() async throws {
        let core = ScriptedCore { _ in nil }
        let backend = try core.backend()
        for _ in 0..<3 { _ = try? await backend.revoke(["h"]) }
        #expect(core.versionRequests.count == 1)
        #expect(core.versionRequests.first?.field("cdi-version") == nil)
        #expect(core.versionRequests.first?.field("api-key") == "key")
        #expect(core.requests.allSatisfy { $0.field("cdi-version") == "5.4" && $0.field("api-key") == "key" })
        let locked = ScriptedCore { _ in CoreResponse(status: 401, body: Array("Invalid API key\n".utf8)) }
        await #expect(
            throws: SessionError.coreRejected(
                status: 401,
                message:
                    "SuperTokens core threw an error for a GET request to path: '/apiversion' with status code: 401 "
                    + "and message: Invalid API key\n")
        ) { try await locked.backend().information(on: "h") }
    }

    @Test("finding E7: the core is told for whom sessions end, and nothing where the application does not say")
    func actor() async throws {
        let core = ScriptedCore { _ in nil }
        let backend = try core.backend()
        for actor in [AuditActor.user, .administrator, .driver] {
            _ = try? await backend.revoke(["h"], by: actor)
            _ = try? await backend.revokeAll(of: "u", tenant: nil, by: actor)
        }
        _ = try? await backend.revoke(["h"])
        _ = try? await backend.information(on: "h")
        let expected: [String?] = ["user", "user", "admin", "admin", nil, nil, nil, nil]
        #expect(core.requests.map { $0.field("tessera-actor") } == expected)
    }

    @Test("J2: rid goes with recipe calls, below a tenant too")
    func recipeID() async throws {
        let core = ScriptedCore { _ in nil }
        let client = try core.backend().client
        for path in ["/recipe", "/recipe/random", "/test", "/t1/recipe/session", "/a/b/recipe"] {
            _ = try await client.ask(.init(method: "GET", path: path))
        }
        #expect(core.requests.map { $0.field("rid") != nil } == [true, true, false, true, false])
    }

    @Test("J3: without a core the error says what to do")
    func nowhere() async throws {
        await #expect {
            try await ScriptedCore { _ in nil }.backend(nil).information(on: "h")
        } throws: { error in
            guard case .coreUnavailable(let text)? = (error as? SessionError)?.kind else { return false }
            return text.hasPrefix("No SuperTokens core available to query. Please pass supertokens > connectionURI")
        }
    }

    @Test("J4: requests go under the base path, and values are encoded")
    func basePath() async throws {
        let core = ScriptedCore { _ in nil }
        _ = try? await core.backend("http://h:8082/some/path").information(on: "a b&c")
        #expect(core.requests.first?.url == "http://h:8082/some/path/recipe/session?sessionHandle=a%20b%26c")
    }

    @Test("J5 to J7: a core with too much to do is asked six times", arguments: [Int.max, 2])
    func busy(times: Int) async throws {
        let core = ScriptedCore { request in
            request.url.contains("apiversion") ? nil : CoreResponse(status: 429, body: Array("busy".utf8))
        }
        let recovering = MutexBox(0)
        let patient = ScriptedCore { request in
            guard !request.url.contains("apiversion"), recovering.next() <= 2 else { return nil }
            return CoreResponse(status: 429, body: [])
        }
        if times == 2 {
            _ = try await patient.backend().client.ask(.init(method: "POST", path: "/recipe/x"))
        } else {
            await #expect {
                try await core.backend().information(on: "h")
            } throws: { error in
                guard case .coreUnavailable(let text)? = (error as? SessionError)?.kind else { return false }
                return text.contains("with status code: 429") && text.contains("busy")
            }
            #expect(core.requests.count == 6 && core.waits == [10, 260, 510, 760, 1_010])
        }
        #expect(times != 2 || patient.requests.count == 3)
    }

    @Test("J8: no version in common is named")
    func incompatible() async throws {
        let core = ScriptedCore { _ in .json(["versions": ["1.0", "99.1"]]) }
        await #expect {
            try await core.backend().information(on: "h")
        } throws: { error in
            guard case .misconfigured(let text)? = (error as? SessionError)?.kind else { return false }
            return text.contains("not compatible") && text.contains("99.1")
        }
    }

    @Test("C2 and C6: dead cores are a fault of the machine, whatever was asked")
    func dead() async throws {
        let backend = try ScriptedCore { _ in throw Self.refused }.backend("http://one.test;http://two.test")
        let expected = "No SuperTokens core available to query: connection refused"
        await #expect(throws: SessionError.coreUnavailable(expected)) { try await backend.information(on: "h") }
        await #expect(throws: SessionError.coreUnavailable(expected)) {
            try await backend.create(NewSession(userID: "u"))
        }
        await #expect(throws: SessionError.coreUnavailable(expected)) {
            try await backend.refresh(PresentedRefreshToken(refreshToken: RefreshToken("t")))
        }
    }

    @Test("C3 and C4: hosts are asked in turn, and a dead one is passed over")
    func turns() async throws {
        let core = ScriptedCore { request in
            if request.url.contains("two.test") { throw Self.refused }
            return nil
        }
        let backend = try core.backend("http://one.test;http://two.test;http://three.test")
        for _ in 0..<6 { _ = try? await backend.replaceData(of: "h", with: [:]) }
        let answered = core.requests.filter { !$0.url.contains("two.test") }
        #expect(answered.count == 6)
        #expect(Set(answered.map { $0.url.split(separator: "/")[1] }) == ["one.test", "three.test"])
    }

    @Test("what may have arrived is sent again only where that does no harm")
    func unknownOutcome() async throws {
        let core = ScriptedCore { request in
            if request.url.contains("apiversion") { return nil }
            if request.url.contains("one.test") { throw CoreTransportError.unknownOutcome("reset") }
            return .json(["status": "UNAUTHORISED"])
        }
        let backend = try core.backend("http://one.test;http://one.test;http://two.test")
        let found = try await backend.information(on: "h")
        #expect(found == nil)
        let before = core.requests.count
        let single = try core.backend("http://one.test;http://one.test")
        await #expect {
            try await single.create(NewSession(userID: "u"))
        } throws: { error in
            guard case .coreUnavailable(let text)? = (error as? SessionError)?.kind else { return false }
            return text.contains("unknown")
        }
        #expect(core.requests.count == before + 1)
    }
}
