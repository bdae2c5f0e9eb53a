import Foundation
import PlatformLibC
import Synchronization

/// The time that the calling thread has been on a processor, which others on the machine do not lengthen.
public func threadCPUTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// The least processor time of several runs.
public func leastCPUTime(of runs: Int = 3, _ work: () throws -> Void) rethrows -> Duration {
    var least = Duration.seconds(1_000_000)
    for _ in 0..<runs {
        let start = threadCPUTime()
        try work()
        least = min(least, threadCPUTime() - start)
    }
    return least
}

/// Eight times as much input may cost up to this many times as much: linear work and what memory adds, never a square (64).
public let linearLimit = 24.0

/// A thread that runs the tasks that prefer it, so that ``threadCPUTime()`` sees all that they do.
public final class OneThread: TaskExecutor {
    private let condition = NSCondition()
    private let jobs = Mutex<(waiting: [UnownedJob], isOver: Bool)>(([], false))

    /// Starts the thread.
    public init() {
        let thread = Thread { [self] in run() }
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Takes a job.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.withLock { $0.waiting.append(job) }
        condition.signal()
        condition.unlock()
    }

    /// Ends the thread once nothing waits.
    public func end() {
        condition.lock()
        jobs.withLock { $0.isOver = true }
        condition.signal()
        condition.unlock()
    }

    private func run() {
        while let batch = next() {
            for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    private func next() -> [UnownedJob]? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            let (batch, isOver) = jobs.withLock { state in
                let batch = state.waiting
                state.waiting = []
                return (batch, state.isOver)
            }
            if !batch.isEmpty { return batch }
            if isOver { return nil }
            condition.wait()
        }
    }

    /// Runs something on a thread of its own.
    public static func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws
        -> Result
    {
        let thread = OneThread()
        defer { thread.end() }
        return try await Task(executorPreference: thread) { try await body() }.value
    }
}
