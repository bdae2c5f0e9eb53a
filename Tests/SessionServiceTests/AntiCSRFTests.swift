import LosslessJSON
import SessionEngine
import SessionService
import Testing

@Suite("Anti-CSRF tokens (docs/specification/core.md 4.2)")
struct AntiCSRFTests {
    @Test("A verification asks for the right token only when it is told to")
    func verify() async throws {
        let world = try await World()
        let tokens = try await world.create(antiCSRF: true)
        let right = try #require(tokens.antiCSRFToken)
        let access = tokens.accessToken.exposed
        #expect(try await world.verdict(access, antiCSRFToken: right, checksAntiCSRF: true) == .valid)
        #expect(try await world.verdict(access) == .valid)
        for wrong in [nil, AntiCSRFToken(""), AntiCSRFToken("x"), AntiCSRFToken(right.exposed + "x")] {
            let verdict = try await world.verdict(access, antiCSRFToken: wrong, checksAntiCSRF: true)
            #expect(verdict == .tryRefresh(.antiCSRFMismatch))
        }
    }

    @Test("A refresh asks for the token it was sealed with and gives a new one")
    func refresh() async throws {
        let world = try await World()
        let tokens = try await world.create(antiCSRF: true)
        let right = try #require(tokens.antiCSRFToken)
        let child = try await world.refreshed(tokens.refreshToken, antiCSRFToken: right, usesAntiCSRF: true)
        #expect(child.antiCSRFToken != nil && child.antiCSRFToken?.exposed != right.exposed)
        for wrong in [nil, AntiCSRFToken("x"), child.antiCSRFToken] {
            let result = try await world.refresh(tokens.refreshToken, antiCSRFToken: wrong, usesAntiCSRF: true)
            #expect(result.refusal == .antiCSRFMismatch)
        }
        let claim = try ReadToken(child.accessToken.exposed).payload["antiCsrfToken"]
        #expect(claim == child.antiCSRFToken.map { .string($0.exposed) })
    }

    @Test("Off, then on: the refresh asks for nothing and gives a token")
    func offOn() async throws {
        let world = try await World()
        let off = try await world.create()
        #expect(off.antiCSRFToken == nil)
        let on = try await world.refreshed(off.refreshToken, usesAntiCSRF: true)
        #expect(on.antiCSRFToken != nil)
    }

    @Test("On, off, on: the stale token is asked for when it is checked again")
    func onOffOn() async throws {
        let world = try await World()
        let on = try await world.create(antiCSRF: true)
        let off = try await world.refreshed(on.refreshToken)
        #expect(off.antiCSRFToken == nil)
        let stale = try await world.refresh(on.refreshToken, antiCSRFToken: nil, usesAntiCSRF: true)
        #expect(stale.refusal == .antiCSRFMismatch)
        let again = try await world.refreshed(off.refreshToken, usesAntiCSRF: true)
        #expect(again.antiCSRFToken != nil)
    }

    @Test("A refused refresh promotes nothing")
    func refusalPromotesNothing() async throws {
        let world = try await World()
        let first = try await world.create(antiCSRF: true)
        let child = try await world.refreshed(
            first.refreshToken, antiCSRFToken: first.antiCSRFToken, usesAntiCSRF: true)
        #expect(try await world.refresh(child.refreshToken, usesAntiCSRF: true).refusal == .antiCSRFMismatch)
        _ = try await world.refreshed(first.refreshToken, antiCSRFToken: first.antiCSRFToken, usesAntiCSRF: true)
    }
}
