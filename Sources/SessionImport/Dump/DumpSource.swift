/// A dump that can be read more than once, from its beginning.
public protocol DumpSource: Sendable {
    /// How many bytes it has.
    var size: Int64 { get }

    /// Begins to read.
    ///
    /// - Throws: ``ImportError`` with ``ImportError/Kind/unreadable``.
    func open() throws(ImportError) -> any DumpChunks
}

/// The bytes of a dump, one piece after the other.
public protocol DumpChunks: AnyObject {
    /// The next piece; empty at the end.
    ///
    /// - Throws: ``ImportError`` with ``ImportError/Kind/unreadable``.
    func next() throws(ImportError) -> [UInt8]
}

/// A dump in memory.
public struct DumpBytes: DumpSource {
    private let bytes: [UInt8]
    private let chunkSize: Int

    /// Takes the bytes; they are handed out in pieces of a size.
    public init(_ bytes: [UInt8], chunkSize: Int = 1 << 16) {
        self.bytes = bytes
        self.chunkSize = max(1, chunkSize)
    }

    public var size: Int64 { Int64(bytes.count) }

    public func open() throws(ImportError) -> any DumpChunks { Pieces(bytes, chunkSize) }

    private final class Pieces: DumpChunks {
        private let bytes: [UInt8]
        private let size: Int
        private var position = 0

        init(_ bytes: [UInt8], _ size: Int) {
            self.bytes = bytes
            self.size = size
        }

        func next() throws(ImportError) -> [UInt8] {
            let end = min(bytes.count, position + size)
            defer { position = end }
            return Array(bytes[position..<end])
        }
    }
}
