import Foundations
import SessionEngine
import SessionService
import SessionStorage
import Synchronization

/// Which apps there are, read from the directory at most once a second, however many names are asked for.
///
/// A caller without a key may ask for any app: whether there is one is known from here, and the directory is asked only for
/// apps that there are.
final class AppNames: Sendable {
    private struct State {
        var known: (names: Set<AppID>, time: Timestamp)?
        var reading: Task<Set<AppID>, any Error>?
        /// Counts the changes, so that nothing is kept that was read before one.
        var generation = 0
    }

    private let state = Mutex(State())
    private let directory: any AppDirectory
    private let clock: ClockAndRandomness

    private static let freshness = Milliseconds(1_000)

    init(_ directory: any AppDirectory, _ clock: ClockAndRandomness) {
        self.directory = directory
        self.clock = clock
    }

    /// Whether there is an app of that name; one that another process has made is known within a second.
    func contains(_ app: AppID) async throws(StorageError) -> Bool {
        let now = clock.time()
        let (known, reading) = state.withLock { state -> (Set<AppID>?, Task<Set<AppID>, any Error>?) in
            if let (names, time) = state.known, time <= now, now < time + Self.freshness { return (names, nil) }
            let reading = state.reading ?? read(from: now, state.generation)
            state.reading = reading
            return (state.known?.names, reading)
        }
        do {
            return try await reading?.value.contains(app) ?? known?.contains(app) ?? false
        } catch let error as StorageError {
            // An unreachable directory changes nothing: what was known stays in use.
            if error.code == .unavailable, let known { return known.contains(app) }
            throw error
        } catch {
            throw StorageError(.unavailable, "the names of the apps could not be read")
        }
    }

    /// Reads the names again when the next one asks, because this process has changed them.
    func forget() {
        state.withLock { state in
            (state.known, state.reading) = (nil, nil)
            state.generation += 1
        }
    }

    private func read(from now: Timestamp, _ generation: Int) -> Task<Set<AppID>, any Error> {
        Task {
            var names: Set<AppID>?
            defer {
                state.withLock { state in
                    guard state.generation == generation else { return }
                    state.reading = nil
                    if let names { state.known = (names, now) }
                }
            }
            let read = try await directory.names()
            names = read
            return read
        }
    }
}
