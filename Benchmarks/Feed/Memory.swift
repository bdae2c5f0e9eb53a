import Foundation
import SessionEngine
import TesseraRemoteCore
import TesseraSessions

/// A verifier of a feed that has many entries already: how long it takes to know them, and what memory they need while more come.
struct Memory {
    let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws -> Figures {
        let core = try Verifier(options.cores, .off)
        let token = try await core.living(1)[0]
        let small = try await core.living(200)
        guard await core.verdict(token) == .accepted else { throw Problem("a living session was refused") }
        // What the program itself needs, with its HTTP client and one request behind it.
        let before = Used.memory.now
        let start = Moment()
        let verifier = try Verifier(options.cores, .on(FeedPolicy(whenSilent: .reject)))
        try await verifier.becomesFresh(with: token, seconds: 600)
        let snapshot = start.seconds
        let known = Used.memory.now
        let (used, seconds) = (Used.processor, Double(options.number("seconds", 60)))
        let rate = options.number("revocations", 100)
        let change = Moment()
        var (count, most) = (0, 0)
        while change.seconds < seconds {
            let session = try await core.sessions.create(userID: UserID("ending-\(count)"))
            _ = try await core.sessions.revoke([session.handle])
            count += 1
            if count % 100 == 0 { most = max(most, Used.memory.now) }
            let pause = Double(count) / Double(rate) - change.seconds
            if pause > 0 { try await Task.sleep(for: .seconds(pause)) }
        }
        let took = change.seconds
        let cost = try await Cost.compared(options.cores, verifier, small)
        core.stop()
        verifier.stop()
        return Figures(value: [
            "before": before, "known": known, "most": max(most, known), "peak": Used.memory.peak,
            "snapshotSeconds": snapshot,
            "changes": count, "changeSeconds": took, "processorSeconds": Used.processor - used, "cost": cost,
        ])
    }
}
