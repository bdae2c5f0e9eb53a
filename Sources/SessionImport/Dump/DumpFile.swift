import PlatformLibC

/// A dump in a file; it is only ever opened for reading.
public struct DumpFile: DumpSource {
    /// Where it is.
    public let path: String
    public let size: Int64
    /// Whether others than the owner may read it, though it holds private keys.
    public let isReadableByOthers: Bool

    /// Finds a file.
    ///
    /// - Throws: ``ImportError`` when there is none or it is not a plain file.
    public init(path: String) throws(ImportError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw ImportError(.unreadable, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImportError(.unreadable, "\(path) is not a plain file; the import reads its source twice")
        }
        self.path = path
        size = Int64(status.st_size)
        isReadableByOthers = status.st_mode & 0o077 != 0
    }

    public func open() throws(ImportError) -> any DumpChunks { try Pieces(path) }

    private final class Pieces: DumpChunks {
        private static let chunkSize = 1 << 18
        private let path: String
        private let descriptor: Int32

        init(_ path: String) throws(ImportError) {
            self.path = path
            descriptor = Self.openForReading(path)
            guard descriptor >= 0 else {
                throw ImportError(.unreadable, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
        }

        deinit {
            close(descriptor)
        }

        private static func openForReading(_ path: String) -> Int32 {
            PlatformLibC.open(path, O_RDONLY | O_CLOEXEC)
        }

        func next() throws(ImportError) -> [UInt8] {
            let descriptor = descriptor
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunkSize) { buffer, count in
                let got = read(descriptor, buffer.baseAddress, buffer.count)
                if got < 0 { failure = errno }
                count = max(0, got)
            }
            guard failure == 0 else {
                throw ImportError(.unreadable, "cannot read \(path): \(String(cString: strerror(failure)))")
            }
            return bytes
        }
    }
}
