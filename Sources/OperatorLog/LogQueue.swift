/// Lines that wait until they are written, and how many were lost because too many waited or a write failed.
///
/// Where lines were lost, a line that counts them is put before the next one that is kept.
struct LogQueue {
    /// What is written at once: few enough bytes that a pipe takes them in one piece, or one long line.
    struct Piece {
        var bytes: [UInt8]
        /// Where each line ends.
        var ends: [Int] = []
        /// The end of the line that counts lost ones, and how many it counts.
        var losses: (end: Int, count: Int)?
    }

    enum Entry {
        case piece(Piece)
        /// From here on lines belong into the file that has the name now.
        case reopening
    }

    /// How many bytes may wait: some thousands of lines.
    static let limit = 1 << 20
    /// What a pipe takes without mixing it with the writes of others (`PIPE_BUF` of Linux).
    private static let pieceBytes = 4_096

    private var entries: [Entry] = []
    /// The bytes that wait, with those that are being written.
    private var waiting = 0
    /// Whether more is dropped until half of the room is free, so that losses come in runs, each counted once.
    private var isDropping = false
    private(set) var lost = 0

    var isEmpty: Bool { entries.isEmpty }

    /// Takes a line, or counts it as lost.
    ///
    /// - Parameters:
    ///   - line: the line with its end.
    ///   - count: makes the line that counts lost ones.
    mutating func add(_ line: String, counting count: (Int) -> String) {
        if isDropping, waiting > Self.limit / 2 { return lost += 1 }
        guard waiting + line.utf8.count <= Self.limit else {
            isDropping = true
            return lost += 1
        }
        addLosses(counting: count)
        append(line)
    }

    /// Adds the count of lost lines into the queue, if there is one.
    mutating func addLosses(counting count: (Int) -> String) {
        isDropping = false
        guard lost > 0 else { return }
        let line = count(lost)
        waiting += line.utf8.count
        entries.append(.piece(Piece(bytes: Array(line.utf8), losses: (line.utf8.count, lost))))
        lost = 0
    }

    /// Adds a mark between the lines of before and those of later.
    mutating func addReopening() { entries.append(.reopening) }

    private mutating func append(_ line: String) {
        let length = line.utf8.count
        waiting += length
        if case .piece(var piece)? = entries.last, piece.bytes.count + length <= Self.pieceBytes {
            entries.removeLast()
            piece.bytes += line.utf8
            piece.ends.append(piece.bytes.count)
            entries.append(.piece(piece))
        } else {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(max(Self.pieceBytes, length))
            bytes += line.utf8
            entries.append(.piece(Piece(bytes: bytes, ends: [length])))
        }
    }

    /// What comes next; ``noteWritten(_:of:)`` says later what became of it.
    mutating func next() -> Entry? { entries.isEmpty ? nil : entries.removeFirst() }

    /// Notes how much of a piece was written; the lines that were not written whole are lost.
    mutating func noteWritten(_ count: Int, of piece: Piece) {
        waiting -= piece.bytes.count
        guard count < piece.bytes.count else { return }
        lost += piece.ends.count { $0 > count }
        if let losses = piece.losses, losses.end > count { lost += losses.count }
    }
}
