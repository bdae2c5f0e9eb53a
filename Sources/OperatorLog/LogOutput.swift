import Foundations
import PlatformLibC
import Synchronization

/// Where log lines go: a file of mode 0600 that is appended to, or the console.
///
/// No one waits for it: lines are written by a thread of their own. Those that cannot be written, because no one reads
/// the pipe or the disk is full or slow, are lost, and counted in a line as soon as lines arrive again.
public final class LogOutput: Sendable {
    private let writer: LogWriter

    /// Standard output.
    public static let standardOutput = LogOutput(LogWriter(descriptor: STDOUT_FILENO))
    /// Standard error.
    public static let standardError = LogOutput(LogWriter(descriptor: STDERR_FILENO))

    private init(_ writer: LogWriter) { self.writer = writer }

    /// Opens a file, made if there is none.
    public convenience init(path: String) { self.init(LogWriter(path: path)) }

    deinit { writer.close() }

    /// Whether there is something to write to.
    public var isOpen: Bool { writer.isOpen }

    /// Opens the file again, which a log rotation has moved away; what was logged before still goes to the old one.
    public func reopen() { writer.reopen() }

    /// Writes a text some time soon, in one piece, so that lines of several writers do not mix.
    ///
    /// - Parameter line: the text with the end of its line.
    public func write(_ line: String) { writer.write(line) }

    /// Waits until what was written has arrived, or a time has passed.
    ///
    /// - Parameter limit: how long to wait.
    /// - Returns: whether all of it has arrived or is known to be lost.
    @discardableResult
    public func flush(within limit: Duration = .seconds(1)) -> Bool { writer.flush(within: limit) }

    /// Says how the line looks that counts lost lines.
    func countLosses(by line: @escaping @Sendable (Int) -> String) { writer.countLosses(by: line) }
}
