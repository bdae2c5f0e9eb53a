import Dispatch
import Foundations
import PlatformLibC
import Synchronization

/// The thread that writes the lines of an output, started with the first one, and what it shares with those who log.
final class LogWriter: Sendable {
    private struct State {
        var queue = LogQueue()
        var isRunning = false
        /// Whether the thread sleeps until it is woken.
        var isAsleep = false
        var isClosed = false
        /// Whether the last write failed: lost lines are counted in the next line, and not tried again and again.
        var hasFailed = false
        /// Whether the last bytes that were written end in the middle of a line.
        var isWithinLine = false
        var waiting: [DispatchSemaphore] = []
        var lossLine: @Sendable (Int) -> String = { "\($0) lines were lost\n" }
    }

    private let path: String?
    /// Changed by the thread only, once it runs.
    private let descriptor: Mutex<Int32>
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    init(descriptor: Int32) {
        path = nil
        self.descriptor = Mutex(descriptor)
    }

    init(path: String) {
        self.path = path
        descriptor = Mutex(Self.open(path))
    }

    var isOpen: Bool { descriptor.withLock { $0 >= 0 } }

    func countLosses(by line: @escaping @Sendable (Int) -> String) { state.withLock { $0.lossLine = line } }

    func write(_ line: String) { change { state in state.queue.add(line, counting: state.lossLine) } }

    func reopen() { if path != nil { change { $0.queue.addReopening() } } }

    func flush(within limit: Duration) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let isNeeded = state.withLock { state in
            let isIdle = !state.isRunning || state.isAsleep
            if !isIdle { state.waiting.append(done) }
            return !isIdle
        }
        return !isNeeded || done.wait(timeout: .now() + .nanoseconds(Int(limit.inNanoseconds))) == .success
    }

    /// Ends the thread once all that waits is written.
    func close() {
        let isRunning = state.withLock { $0.isRunning }
        if isRunning { change { $0.isClosed = true } } else { closeFile() }
    }

    /// Changes the queue and has the thread see it.
    private func change(_ body: (inout State) -> Void) {
        let (mustStart, mustWake) = state.withLock { state in
            body(&state)
            defer { (state.isRunning, state.isAsleep) = (true, false) }
            return (!state.isRunning, state.isAsleep)
        }
        if mustWake { work.signal() }
        // Without a thread the line waits for the next one; there is room for many.
        if mustStart, !SystemThread.start({ self.run() }) { state.withLock { $0.isRunning = false } }
    }
}

// MARK: - The thread

extension LogWriter {
    private func run() {
        Self.ignoreClosedPipes()
        while let entry = next() {
            switch entry {
            case .reopening: reopenFile()
            case .piece(let piece): write(piece)
            }
        }
        closeFile()
    }

    /// The next entry, for which it waits, or `nil` at the end.
    private func next() -> LogQueue.Entry? {
        while true {
            let (entry, isOver) = state.withLock { state -> (LogQueue.Entry?, Bool) in
                // What was lost is said also by a process that logs no more.
                if state.queue.isEmpty, !state.hasFailed { state.queue.addLosses(counting: state.lossLine) }
                if let entry = state.queue.next() { return (entry, false) }
                for waiting in state.waiting { waiting.signal() }
                state.waiting = []
                state.isAsleep = !state.isClosed
                return (nil, state.isClosed)
            }
            if entry != nil || isOver { return entry }
            work.wait()
        }
    }

    private func write(_ piece: LogQueue.Piece) {
        let isWithinLine = state.withLock(\.isWithinLine)
        let descriptor = descriptor.withLock(\.self)
        var written = 0
        // What a failed write has left of a line ends here.
        if !isWithinLine || Self.write([UInt8(ascii: "\n")], to: descriptor) == 1 {
            written = Self.write(piece.bytes, to: descriptor)
        }
        state.withLock { state in
            state.queue.noteWritten(written, of: piece)
            state.hasFailed = written < piece.bytes.count
            if written > 0 { state.isWithinLine = piece.bytes[written - 1] != UInt8(ascii: "\n") }
        }
    }

    /// Writes bytes, however long a reader lets them wait; returns how many were written before a failure.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        guard descriptor >= 0 else { return 0 }
        return bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                let count = PlatformLibC.write(descriptor, rest.baseAddress, rest.count)
                if count > 0 {
                    written += count
                } else if count < 0, errno == EAGAIN {
                    var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&question, 1, -1)
                } else if count == 0 || errno != EINTR {
                    break
                }
            }
            return written
        }
    }

    /// A pipe whose reader has gone is a failed write, whatever the process does with the signal.
    private static func ignoreClosedPipes() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private func reopenFile() {
        guard let path else { return }
        let fresh = Self.open(path)
        // Better the moved file than none.
        guard fresh >= 0 else { return }
        descriptor.withLock { current in
            if current >= 0 { _ = PlatformLibC.close(current) }
            current = fresh
        }
        state.withLock { $0.isWithinLine = false }
    }

    private func closeFile() {
        guard path != nil else { return }
        descriptor.withLock { current in
            if current >= 0 { _ = PlatformLibC.close(current) }
            current = -1
        }
    }

    /// Opens a file without waiting, also where it is a pipe without a reader.
    private static func open(_ path: String) -> Int32 {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        return PlatformLibC.open(path, flags, 0o600)
    }
}
