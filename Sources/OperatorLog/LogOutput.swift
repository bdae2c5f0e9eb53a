import PlatformLibC
import Synchronization

/// Where log lines go: a file of mode 0600 that is appended to, or the console.
///
/// Writing never fails and never throws: a line that cannot be written is lost.
public final class LogOutput: Sendable {
    private let path: String?
    private let descriptor: Mutex<Int32>

    /// Standard output.
    public static let standardOutput = LogOutput(descriptor: STDOUT_FILENO)
    /// Standard error.
    public static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private init(descriptor: Int32) {
        path = nil
        self.descriptor = Mutex(descriptor)
    }

    /// Opens a file, made if there is none.
    public init(path: String) {
        self.path = path
        descriptor = Mutex(Self.open(path))
    }

    /// Whether lines arrive.
    public var isOpen: Bool { descriptor.withLock { $0 >= 0 } }

    /// Opens the file again, which a log rotation has moved away.
    public func reopen() {
        guard let path else { return }
        descriptor.withLock { current in
            let fresh = Self.open(path)
            // Better the moved file than none.
            guard fresh >= 0 else { return }
            if current >= 0 { close(current) }
            current = fresh
        }
    }

    /// Without waiting: a pipe without a reader must not hold up the core.
    private static func open(_ path: String) -> Int32 {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        return PlatformLibC.open(path, flags, 0o600)
    }

    /// Writes a line in one piece, so that lines of several writers do not mix.
    func write(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            descriptor.withLock { descriptor in
                var rest = UnsafeRawBufferPointer(bytes)
                while descriptor >= 0, !rest.isEmpty {
                    let count = Self.write(descriptor, rest)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                }
            }
        }
    }

    private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        PlatformLibC.write(descriptor, bytes.baseAddress, bytes.count)
    }
}
