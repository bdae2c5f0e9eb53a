import PlatformLibC

/// The console, unbuffered, so that a script that waits for a line sees it at once.
enum Console {
    /// Writes to standard output.
    static func print(_ text: String) { write(text, STDOUT_FILENO) }

    /// Writes to standard error.
    static func complain(_ text: String) { write(text, STDERR_FILENO) }

    /// Writes all of a text to standard output; returns whether it is read.
    static func prints(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { PlatformLibC.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }

    /// Has something behind the descriptors 0, 1 and 2, where the caller has closed them: a file that is opened next would
    /// be taken for the console.
    static func claimDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }

    private static func write(_ text: String, _ descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            _ = PlatformLibC.write(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
