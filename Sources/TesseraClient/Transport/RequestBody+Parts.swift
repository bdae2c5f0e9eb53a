import PlatformLibC

extension RequestBody {
    /// The parts of the body, in order, for a transport that sends streams; `nil` where there is no body.
    public var parts: AsyncThrowingStream<[UInt8], any Error>? {
        switch self {
        case .none: nil
        case .bytes(let bytes):
            AsyncThrowingStream { continuation in
                continuation.yield(bytes)
                continuation.finish()
            }
        case .file(let path): FileParts.stream(path)
        case .stream(let make): make()
        case .once(let stream): stream
        }
    }
}

/// The contents of a file, part by part.
private enum FileParts {
    static let size = 65_536

    static func stream(_ path: String) -> AsyncThrowingStream<[UInt8], any Error> {
        let file = OpenFile(path)
        return AsyncThrowingStream(unfolding: { try file.next() })
    }

    /// A file that is closed with its last reader.
    private final class OpenFile: Sendable {
        private let path: String
        private let descriptor: Int32

        init(_ path: String) {
            self.path = path
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func next() throws -> [UInt8]? {
            guard descriptor >= 0 else { throw TransportFailure(.invalid, "the file \(path) cannot be opened") }
            var part = [UInt8](repeating: 0, count: size)
            let count = read(descriptor, &part, part.count)
            guard count >= 0 else { throw TransportFailure(.invalid, "the file \(path) cannot be read") }
            return count == 0 ? nil : Array(part.prefix(count))
        }
    }
}
