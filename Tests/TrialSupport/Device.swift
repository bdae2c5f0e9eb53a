import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import TestSupport

/// An honest device with several callers, which share what they are given.
///
/// What failed is tried again with the same token. Requests with the old token may arrive after the new one was used.
struct Device {
    private let simulation: Simulation
    private let user: UserID

    init(_ simulation: Simulation, _ number: Int) {
        self.simulation = simulation
        user = UserID("u\(number)")
    }

    func live() async {
        var held = await signIn()
        for _ in 0..<simulation.random({ Int.random(in: 4...12, using: &$0) }) {
            await simulation.pass()
            switch simulation.random({ Int.random(in: 0..<100, using: &$0) }) {
            case 0..<45: held = await refresh(held)
            case 45..<70: await verify(held)
            case 70..<80: await change(held)
            case 80..<88 where simulation.setting.hasThief: rob(held)
            case 88..<92:
                _ = await again { try await $0.revoke([held.session.handle]) }
                held = await signIn()
            default: break
            }
        }
    }

    /// Repeats until there is an answer; a failure says nothing about what happened.
    private func again<Result>(
        _ ask: (SessionManager) async throws -> Result
    ) async -> Result? {
        for _ in 0..<60 {
            await simulation.pass()
            guard let service = simulation.service() else { return nil }
            do { return try await ask(service) } catch {
                guard case ServiceError.storage? = error as? ServiceError else {
                    simulation.storage.ledger.violate(.i6, "\(error)")
                    return nil
                }
            }
        }
        return nil
    }

    private func signIn() async -> IssuedTokens {
        while true {
            let request = NewSession(userID: user, accessTokenPayload: ["n": 0])
            if case .created(let tokens)? = await again({ try await $0.createSession(request) }) {
                simulation.note("\(user.rawValue) signs in")
                return tokens
            }
        }
    }

    /// Several callers refresh at once; each tries again until it has an answer, also when the answer was lost.
    private func refresh(_ held: IssuedTokens) async -> IssuedTokens {
        let jumps = simulation.forwardSteps
        let callers = simulation.random { Int.random(in: 1...4, using: &$0) }
        let results = await withTaskGroup(of: RefreshResult?.self) { group in
            for _ in 0..<callers {
                let atOnce = simulation.chance(percent: 50)
                group.addTask { await exchange(held, atOnce: atOnce) }
            }
            return await group.reduce(into: [RefreshResult?]()) { $0.append($1) }
        }
        if simulation.forwardSteps != jumps { simulation.markJumped(held.session.handle) }
        let words = results.map { $0?.word ?? "no answer" }.sorted()
        simulation.note("\(user.rawValue) refreshes: \(words.joined(separator: " "))")
        let tokens = results.compactMap { $0?.tokens }
        if tokens.count == callers {
            let isExcused = simulation.isStolen(held.session.handle) || simulation.hasJumped(held.session.handle)
            if Set(tokens.map(\.refreshToken.exposed)).count != 1, !isExcused {
                simulation.storage.ledger.violate(.i5, "callers were given different tokens")
            }
            if let hash = tokens.first.map({ TokenHash(of: $0.refreshToken).hex.prefix(8) }) {
                simulation.note("child \(hash)")
            }
            let chosen = tokens[simulation.random { Int.random(in: 0..<tokens.count, using: &$0) }]
            await double(held, after: chosen, jumps)
            return chosen
        }
        await judge(held, words)
        return await signIn()
    }

    /// A request with the old token arrives once more after the new one was used: it is given the same, or nothing.
    private func double(_ held: IssuedTokens, after chosen: IssuedTokens, _ jumps: Int) async {
        guard simulation.chance(percent: 40) else { return }
        await verify(chosen)
        let atOnce = simulation.chance(percent: 50)
        let request = PresentedRefreshToken(
            refreshToken: held.refreshToken, rotation: atOnce ? .atOnce : .atFirstUse)
        guard let answer = await again({ try await $0.refresh(request) }) else { return }
        simulation.note("\(user.rawValue)'s late request: \(answer.word)")
        simulation.storage.ledger.fault()
        if simulation.forwardSteps != jumps { simulation.markJumped(held.session.handle) }
        switch answer {
        case .tooLate: simulation.storage.ledger.count("soft refusals")
        case .refreshed: break
        case .unauthorised, .proofNeeded, .deviceNotYet, .reuseDetected: await judge(held, ["late: \(answer.word)"])
        }
    }

    private func exchange(_ held: IssuedTokens, atOnce: Bool) async -> RefreshResult? {
        var answer: RefreshResult?
        var softRefusals = 0
        repeat {
            let request = PresentedRefreshToken(
                refreshToken: held.refreshToken, rotation: atOnce ? .atOnce : .atFirstUse)
            if simulation.chance(percent: 10) {
                // The network delivers the request twice, and one of the answers is lost.
                simulation.storage.ledger.fault()
                async let other = again { try await $0.refresh(request) }
                answer = await again { try await $0.refresh(request) }
                _ = await other
            } else {
                answer = await again { try await $0.refresh(request) }
            }
            if case .tooLate? = answer { softRefusals += 1 }
        } while answer.map({ $0.tokens != nil ? isLost() : $0.word == "too late" && softRefusals < 5 }) ?? false
        return answer
    }

    private func isLost() -> Bool {
        guard simulation.chance(percent: 25) else { return false }
        simulation.storage.ledger.fault()
        return true
    }

    /// A refusal has to have a reason that is not the client's.
    private func judge(_ held: IssuedTokens, _ words: [String]) async {
        let handle = held.session.handle
        let ledger = simulation.storage.ledger
        let last = try? await simulation.storage.auditEvents(AuditQuery(handle: handle, limit: 1)).first?.event
        let record = await simulation.storage.peek(handle)
        let isOver = record?.isExpired(at: simulation.clock.now, within: .unlimited) ?? false
        if last?.name == .revoked || isOver { return ledger.count("ended by somebody or by time") }
        if simulation.isStolen(handle) { return ledger.count("ended by theft, truly") }
        if simulation.hasJumped(handle) { return ledger.count("ended by a clock that jumped ahead") }
        ledger.violate(.i5, "\(words), last record \(last?.name.rawValue ?? "none")")
    }

    private func verify(_ held: IssuedTokens) async {
        let isReadOnly = simulation.chance(percent: 50)
        let request = PresentedAccessToken(
            accessToken: held.accessToken.exposed, checksDatabase: simulation.chance(percent: 50),
            rotation: isReadOnly ? .atOnce : .atFirstUse)
        let answer = await again { try await $0.verify(request) }
        simulation.note("\(user.rawValue) verifies: \(Self.word(answer))")
        if case .superseded? = answer {
            simulation.storage.ledger.violate(.i5, "its newest access token is rotated out")
        }
    }

    private static func word(_ answer: VerifyResult?) -> String {
        switch answer {
        case .valid(_, nil, _)?: "valid"
        case .valid?: "renewed"
        case .tryRefresh?: "expired"
        case .sessionNotActive?: "ended"
        case .superseded?: "rotated out"
        case .payloadRefused?: "refused"
        case nil: "no answer"
        }
    }

    private func change(_ held: IssuedTokens) async {
        let number = simulation.random { Int.random(in: 0..<1_000_000, using: &$0) }
        let isDone = await again {
            try await $0.replaceData(of: held.session.handle, accessTokenPayload: ["n": .integer(number)])
        }
        simulation.note("\(user.rawValue) changes its payload: \(isDone ?? false)")
    }

    /// A thief copies what the device holds, and continues with it.
    private func rob(_ held: IssuedTokens) {
        simulation.markStolen(held.session.handle)
        simulation.note("\(user.rawValue) is robbed")
        simulation.executor.start { [self] in
            var copy = held
            for _ in 0..<4 {
                for _ in 0..<simulation.random({ Int.random(in: 1...40, using: &$0) }) {
                    await simulation.executor.pause()
                }
                let atOnce = simulation.chance(percent: 50)
                let request = PresentedRefreshToken(
                    refreshToken: copy.refreshToken, rotation: atOnce ? .atOnce : .atFirstUse)
                let answer = await again { try await $0.refresh(request) }
                simulation.note("a thief of \(user.rawValue): \(answer?.word ?? "no answer")")
                guard let tokens = answer?.tokens else { return }
                copy = tokens
                if simulation.chance(percent: 50) {
                    let request = PresentedAccessToken(accessToken: copy.accessToken.exposed)
                    _ = await again { try await $0.verify(request) }
                }
            }
        }
    }
}
