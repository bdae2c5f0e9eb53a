import Foundation
import SessionEngine
import TesseraRemoteCore
import TesseraSessions

/// Users end all their sessions and log in again in the same moment, each time at cores that are drawn at random: the session
/// from after it must live at every verifier, at once and later, and the one from before must not.
struct CutOffs {
    let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws -> Figures {
        let cores = try options.each.map { try Verifier($0, .off) }
        let verifiers = try options.each.map { try Verifier($0, .on(FeedPolicy(whenSilent: .reject))) }
        let living = try await cores[0].living(1)[0]
        for verifier in verifiers { try await verifier.becomesFresh(with: living) }
        let rounds = options.number("rounds", 50)
        var (wrong, late, unavailable) = (0, 0, 0)
        var open: [(token: String, made: Moment)] = []
        for round in 0..<rounds {
            let user = UserID("user-\(round)")
            let old = try await any(cores).create(userID: user).accessToken
            // Of a user with more than 500 sessions the feed has one entry, which is compared with times.
            for _ in 1..<options.number("sessions", 510) { _ = try await any(cores).create(userID: user) }
            _ = try await any(cores).revokeAll(of: user)
            let ended = Moment()
            let new = try await any(cores).create(userID: user).accessToken
            open.append((new, Moment()))
            var isKnown = Set<Int>()
            while isKnown.count < verifiers.count, ended.seconds < 10 {
                for (number, verifier) in verifiers.enumerated() {
                    if await verifier.verdict(old) == .ended { isKnown.insert(number) }
                    switch await verifier.verdict(new) {
                    case .accepted: break
                    case .unavailable: unavailable += 1
                    case .ended, .refused: wrong += 1
                    }
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            if ended.seconds > 1 || isKnown.count < verifiers.count { late += 1 }
        }
        // And again when the clocks' difference has passed.
        try await Task.sleep(for: .seconds(options.number("later", 12)))
        for (token, _) in open {
            for verifier in verifiers where await verifier.verdict(token) != .accepted { wrong += 1 }
        }
        let questions = verifiers.reduce(0) { $0 + $1.wire.questions }
        for verifier in cores + verifiers { verifier.stop() }
        return Figures(value: [
            "rounds": rounds, "falselyRefused": wrong, "laterThanASecond": late, "unavailable": unavailable,
            "questions": questions,
        ])
    }

    private func any(_ cores: [Verifier]) -> Sessions { cores[Int.random(in: cores.indices)].sessions }
}
