import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import TrialSupport

/// One app with a clock of its own, where one race follows another.
struct RaceLane {
    private let world: TrialWorld
    /// The same app as a process sees it whose clock is a millisecond ahead: to that one the session's time is over.
    private let ahead: TrialWorld
    private static let validity = Milliseconds.seconds(3_600)
    private let delays: Delays
    /// What is looked at after a race, without delays.
    private let storage: any SessionStorage

    init(_ seed: UInt64, _ storage: any SessionStorage, isNaive: Bool) async throws {
        var policy = SessionPolicy.trial()
        (policy.accessTokenValidity, policy.refreshTokenValidity) = (.seconds(7_200), Self.validity)
        delays = Delays(seed: seed)
        self.storage = storage
        let racing = RacingStorage(base: storage, delays: delays, isNaive: isNaive)
        world = try await TrialWorld(seed: seed, policy: policy, storage: racing)
        ahead = try await TrialWorld(seed: ~seed, policy: policy, storage: racing)
    }

    func run(_ pair: [RaceOperation], _ rounds: Int) async throws -> RaceResult {
        var result = RaceResult()
        var place: Int64 = 0
        for round in 0..<rounds {
            let atOnce = round % 2 == 0
            try await race(pair, atOnce: atOnce, round, &place, &result)
            result.report.rounds += 1
        }
        result.report.faults = delays.count
        return result
    }

    private func race(
        _ pair: [RaceOperation], atOnce: Bool, _ round: Int, _ place: inout Int64, _ result: inout RaceResult
    ) async throws {
        var tokens = try await world.create(user: "u\(round)")
        // Where sessions rotate at first use, the child is what rotates.
        if !atOnce { tokens = try await world.refresh(tokens.refreshToken, atOnce: false).tokens ?? tokens }
        let end = tokens.refreshTokenExpiresAt
        if pair.contains(.expiry) { world.clock.set(end + Milliseconds(-1)) }
        ahead.clock.set(world.clock.now + Milliseconds(1))
        let held = tokens
        async let first = perform(pair[0], held, atOnce, number: 1)
        async let second = perform(pair[1], held, atOnce, number: 2)
        let history = [try await first, try await second]
        note(pair, history, &result)
        let seen = try await look(at: held, endingAt: end, &place)
        let words = history.map { "\($0.name) \($0.outcome)" }.joined(separator: ", ")
        let rule = atOnce ? "at once" : "at first use"
        if !SequentialSession.explains(pair, history, seen) {
            result.report.violate("rotation \(rule), round \(round): \(words), then \(seen)")
        }
        let children = Set(history.compactMap(\.token))
        if children.count > 1 { result.report.violate("rotation \(rule), round \(round): two children") }
        try await goOn(with: held, atOnce, seen, history, &result.report)
        _ = try await storage.remove(.handles([held.session.handle]), audit: nil)
    }

    private func note(_ pair: [RaceOperation], _ history: [Operation], _ result: inout RaceResult) {
        for (operation, seen) in zip(pair, history) {
            result.report.count("\(operation.rawValue) \(seen.outcome)")
            if operation.isRevocation { result.revocations.append(seen.start.duration(to: seen.end)) }
        }
        if Operation.overlaps(history) > 0 { result.report.count("overlapping") }
    }

    /// What is left of a session after its race.
    private func look(
        at tokens: IssuedTokens, endingAt end: Timestamp, _ place: inout Int64
    ) async throws -> SequentialSession {
        let handle = tokens.session.handle
        let entries = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: place)))
        place = entries.last?.sequence ?? place
        let auditLog = entries.filter { $0.event.handle == handle }.map { entry in
            let means = entry.event.means.map { " by \($0.rawValue)" } ?? ""
            return entry.event.name.rawValue + means
        }
        guard let record = try await storage.session(handle) else {
            return SequentialSession(isThere: false, auditLog: auditLog)
        }
        let isRotated = record.rotationCount > 0
        let isEndRight = record.expiresAt == (isRotated ? world.clock.now + Self.validity : end)
        return SequentialSession(
            payload: Int(try record.accessTokenPayload.decoded()["n"]?.number?.int64 ?? -1),
            generation: Int(record.rotationCount.rotations), hasNewEnd: isRotated == isEndRight, auditLog: auditLog)
    }

    /// What was ended stays refused, and what lives continues: the newest token refreshes.
    private func goOn(
        with tokens: IssuedTokens, _ atOnce: Bool, _ seen: SequentialSession, _ history: [Operation],
        _ report: inout TrialReport
    ) async throws {
        let isRevoked = history.contains { $0.outcome == "one" }
        if isRevoked, seen.isThere { report.violate("I3: a session lives after its end was acknowledged") }
        let word = try await world.refresh(tokens.refreshToken, atOnce: atOnce).word
        let expected = isRevoked || !seen.isThere ? "unauthorised(sessionNotActive)" : "ok"
        if word != expected { report.violate("the token presented again: \(word) instead of \(expected)") }
        guard isRevoked else { return }
        let request = PresentedAccessToken(accessToken: tokens.accessToken.exposed, checksDatabase: true)
        guard case .sessionNotActive = try await world.service.verify(request) else {
            return report.violate("I3: an access token is accepted after the end was acknowledged")
        }
    }

    private func perform(
        _ operation: RaceOperation, _ tokens: IssuedTokens, _ atOnce: Bool, number: Int
    ) async throws -> Operation {
        await delays.pause()
        let start = ContinuousClock().systemNow
        let (outcome, token) = try await answer(operation, tokens, atOnce, number)
        return Operation(
            name: operation.rawValue, start: start, end: ContinuousClock().systemNow, outcome: outcome, token: token)
    }

    private func answer(
        _ operation: RaceOperation, _ tokens: IssuedTokens, _ atOnce: Bool, _ number: Int
    ) async throws -> (String, TokenHash?) {
        let handle = tokens.session.handle
        switch operation {
        case .refresh:
            let result = try await world.refresh(tokens.refreshToken, atOnce: atOnce)
            let word = result.word == "unauthorised(sessionNotActive)" ? "ended" : result.word
            return (word, result.tokens.map { TokenHash(of: $0.refreshToken) })
        case .update:
            let isDone = try await world.service.replaceData(of: handle, accessTokenPayload: ["n": .integer(number)])
            return (isDone ? "ok" : "ended", nil)
        case .revoke: return (Self.word(try await world.service.revoke([handle]).count), nil)
        case .revokeAll: return (Self.word(try await world.service.revokeAll(of: tokens.session.userID).count), nil)
        case .expiry: return (Self.word(try await ahead.service.removeExpiredSessions(atMost: 100)), nil)
        }
    }

    private static func word(_ count: Int) -> String { count == 0 ? "none" : count == 1 ? "one" : "\(count)" }
}
