import Foundations
import OperatorTracing
import PlatformLibC
import Synchronization

/// A file of exports, one in each line, that only its owner reads.
///
/// It is opened for each export, so that it may be moved away or emptied at any time.
final class TraceFile: SpanReceiver {
    private let path: String
    /// Whether a write broke off in the middle of a line.
    private let isWithinLine = Atomic(false)

    /// Names a file.
    ///
    /// - Throws: ``Failure`` for one that cannot be written.
    init(_ path: String) throws {
        self.path = path
        if let problem = append([]) { throw Failure("tracing: \(path) cannot be written: \(problem)") }
    }

    var place: String { path }

    /// Writes on a thread of its own: a disk may take its time.
    func send(_ request: [UInt8]) async -> ExportOutcome {
        await OwnThread.run(orElse: .refused("the system gives no thread")) {
            self.append(request + [UInt8(ascii: "\n")]).map { .refused("\(self.path) cannot be written: \($0)") }
                ?? .taken
        }
    }

    /// Appends bytes; why that is not possible, otherwise.
    private func append(_ bytes: [UInt8]) -> String? {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else { return Self.reason }
        defer { close(descriptor) }
        let begun = isWithinLine.load(ordering: .relaxed) ? [UInt8(ascii: "\n")] : []
        let whole = bytes.isEmpty ? [] : begun + bytes
        var rest = whole[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = Self.reason
                if rest.count < whole.count { isWithinLine.store(true, ordering: .relaxed) }
                return reason
            }
            rest = rest.dropFirst(count)
        }
        if !bytes.isEmpty { isWithinLine.store(false, ordering: .relaxed) }
        return nil
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// Work that waits in the system, on a thread of its own.
enum OwnThread {
    /// Does something that may block.
    ///
    /// - Parameters:
    ///   - fallback: the result where the system gives no thread.
    ///   - work: what is done.
    static func run<Result: Sendable>(
        orElse fallback: Result, _ work: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            if !SystemThread.start({ continuation.resume(returning: work()) }) {
                continuation.resume(returning: fallback)
            }
        }
    }
}
