import Crypto
import Foundations

/// Walks over the bytes of a dump and counts its lines; holds one piece at a time.
struct ByteReader {
    private let chunks: any DumpChunks
    private var chunk: [UInt8] = []
    private var index = 0
    private var earlier: Int64 = 0
    private var digest = SHA256()
    private(set) var line = 1

    static let newline = UInt8(ascii: "\n")

    init(_ chunks: any DumpChunks) {
        self.chunks = chunks
    }

    /// How many bytes have been taken.
    var position: Int64 { earlier + Int64(index) }

    /// The SHA-256 of everything read so far, in hexadecimal digits.
    var fingerprint: String { Hex.encode(digest.finalize()) }

    /// The next byte, which stays; `nil` at the end.
    mutating func peek() throws(ImportError) -> UInt8? {
        if index == chunk.count {
            guard try fill() else { return nil }
        }
        return chunk[index]
    }

    /// Takes the next byte; `nil` at the end.
    mutating func next() throws(ImportError) -> UInt8? {
        guard let byte = try peek() else { return nil }
        index += 1
        if byte == Self.newline { line += 1 }
        return byte
    }

    /// Takes the next byte if it is this one.
    mutating func take(_ expected: UInt8) throws(ImportError) -> Bool {
        guard try peek() == expected else { return false }
        _ = try next()
        return true
    }

    /// The rest of a line.
    struct Line {
        /// Its bytes without the line end, or the first of them.
        var bytes: [UInt8] = []
        /// Whether there were more bytes than were to be kept.
        var isCut = false
        /// Whether it ended with a line end and not with the dump.
        var isTerminated = false
    }

    /// Takes the rest of the line; `nil` when there is nothing left.
    ///
    /// - Parameter limit: how many bytes to keep; the others are passed over.
    mutating func restOfLine(keeping limit: Int) throws(ImportError) -> Line? {
        guard try peek() != nil else { return nil }
        var line = Line()
        while try peek() != nil {
            let end = chunk[index...].firstIndex(of: Self.newline)
            let part = chunk[index..<(end ?? chunk.count)]
            let room = limit - line.bytes.count
            line.bytes.append(contentsOf: part.prefix(room))
            if part.count > room { line.isCut = true }
            index = (end ?? chunk.count - 1) + 1
            if end != nil {
                self.line += 1
                line.isTerminated = true
                break
            }
        }
        return line
    }

    /// Reads on to the end, so that the fingerprint is that of the whole dump.
    mutating func drain() throws(ImportError) {
        index = chunk.count
        while try fill() { index = chunk.count }
    }

    private mutating func fill() throws(ImportError) -> Bool {
        let next = try chunks.next()
        earlier += Int64(chunk.count)
        chunk = next
        index = 0
        digest.update(data: next)
        return !next.isEmpty
    }
}
