import Synchronization
import TestSupport

/// Runs tasks on the caller's thread, one piece at a time, in an order that a seed decides.
///
/// A task that prefers this executor, with its child tasks, runs here and nowhere else; an unstructured `Task` inside the
/// code under test does not, so a simulation avoids what starts one.
public final class SeededExecutor: TaskExecutor {
    fileprivate struct State {
        var random: SplitMix64
        var jobs: [UnownedJob] = []
        var paused: [CheckedContinuation<Void, Never>] = []
        var running = 0
    }

    fileprivate enum Choice {
        case job(UnownedJob)
        case paused(CheckedContinuation<Void, Never>)
    }

    private let state: Mutex<State>

    /// An executor with the order of a seed.
    public init(seed: UInt64) {
        state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    /// Takes a piece of work.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    /// Lets others run until the seed comes back to the caller.
    public func pause() async {
        await withCheckedContinuation { continuation in state.withLock { $0.paused.append(continuation) } }
    }

    /// Starts a task here.
    public func start(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { $0.running += 1 }
        Task(executorPreference: self) {
            await body()
            self.state.withLock { $0.running -= 1 }
        }
    }

    /// Runs everything to its end.
    ///
    /// - Returns: how many pieces there were; `nil` when tasks wait for something that does not run here.
    public func run() -> Int? {
        var pieces = 0
        while true {
            let (choice, running) = state.withLock { ($0.next(), $0.running) }
            guard let choice else { return running == 0 ? pieces : nil }
            pieces += 1
            switch choice {
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            case .paused(let continuation): continuation.resume()
            }
        }
    }
}

extension SeededExecutor.State {
    /// Takes out what runs next.
    fileprivate mutating func next() -> SeededExecutor.Choice? {
        let count = jobs.count + paused.count
        guard count > 0 else { return nil }
        let index = Int(random.next() % UInt64(count))
        return index < jobs.count ? .job(jobs.remove(at: index)) : .paused(paused.remove(at: index - jobs.count))
    }
}
