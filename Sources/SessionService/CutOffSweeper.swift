import Foundations
import SessionEngine
import SessionStorage
import Synchronization

/// Removes the rows of sessions that a cut-off ended, in the background and one batch at a time (docs/decisions/0022).
///
/// What it does not come to, because the process ends or storage fails, is left to ``SessionService/sweepCutOffs(atMost:)``,
/// which maintenance calls: the cut-off is in storage, and the sessions have ended without it.
final class CutOffSweeper: Sendable {
    private enum State {
        case idle
        case sweeping
        /// There is a cut-off that was made after the sweep began.
        case sweepingAgain
    }

    /// How many rows one step removes: 2 to 4 ms in which no other write begins.
    private static let batch = 200
    /// Between two steps, for the writes of others.
    private static let pause = Milliseconds(25)

    private let state = Mutex(State.idle)
    private let storage: any SessionStore
    private let clock: ClockAndRandomness

    init(storage: any SessionStore, clock: ClockAndRandomness) {
        self.storage = storage
        self.clock = clock
    }

    /// Sweeps as soon as the cut-offs that there are now may be; at most one sweep runs at a time.
    func start() {
        let isNew = state.withLock { state in
            defer { state = state == .idle ? .sweeping : .sweepingAgain }
            return state == .idle
        }
        if isNew { Task { await run() } }
    }

    private func run() async {
        repeat {
            await clock.pause(CutOff.settlingTime + .seconds(1))
            try? await sweep()
        } while state.withLock { state in
            let goesOn = state == .sweepingAgain
            state = goesOn ? .sweeping : .idle
            return goesOn
        }
    }

    private func sweep() async throws(StorageError) {
        while try await storage.sweepCutOffs(at: clock.time(), limit: Self.batch) == Self.batch {
            await clock.pause(Self.pause)
        }
    }
}
