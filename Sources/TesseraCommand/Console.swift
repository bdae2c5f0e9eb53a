import PlatformLibC

/// The console, unbuffered, so that a script that waits for a line sees it at once.
enum Console {
    /// Writes to standard output.
    static func print(_ text: String) { write(text, STDOUT_FILENO) }

    /// Writes to standard error.
    static func complain(_ text: String) { write(text, STDERR_FILENO) }

    private static func write(_ text: String, _ descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            _ = PlatformLibC.write(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
