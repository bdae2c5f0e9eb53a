import Foundation
import Logging
import LosslessJSON
import PlatformLibC
import Testing

@testable import OperatorLog

/// Lines that cannot be written (finding O3).
@Suite("finding O3: no one waits for the log")
struct LostLineTests {
    private static func count(_ number: Int) -> String { "\(number) lost\n" }

    @Test("too many lines are dropped in runs, and each run is counted where it was", arguments: [100, 1_000, 4_000])
    func dropped(length: Int) {
        var queue = LogQueue()
        let line = String(repeating: "x", count: length - 1) + "\n"
        let room = LogQueue.limit / length
        for _ in 0..<room + 7 { queue.add(line, counting: Self.count) }
        #expect(queue.lost == 7)
        var written = ""
        func take() {
            guard case .piece(let piece)? = queue.next() else { return }
            written += String(decoding: piece.bytes, as: UTF8.self)
            queue.noteWritten(piece.bytes.count, of: piece)
        }
        take()
        queue.add("y\n", counting: Self.count)
        #expect(queue.lost == 8, "more is dropped until half of the room is free")
        while !queue.isEmpty { take() }
        queue.add("z\n", counting: Self.count)
        while !queue.isEmpty { take() }
        #expect(queue.lost == 0 && written.hasSuffix("x\n8 lost\nz\n"))
        #expect(written.utf8.count == room * length + 9)
    }

    @Test("what a failed write leaves is lost, line by line, and a lost count is counted again")
    func failed() throws {
        var queue = LogQueue()
        for text in ["a\n", "bb\n", "ccc\n"] { queue.add(text, counting: Self.count) }
        guard case .piece(let piece)? = queue.next() else { throw LogFailure() }
        queue.noteWritten(3, of: piece)
        #expect(queue.lost == 2, "the second was cut")
        queue.add("d\n", counting: Self.count)
        guard case .piece(let next)? = queue.next() else { throw LogFailure() }
        #expect(String(decoding: next.bytes, as: UTF8.self) == "2 lost\nd\n" && queue.isEmpty)
        for (written, lost) in [(9, 0), (8, 1), (7, 1), (6, 3), (0, 3)] {
            var queue = queue
            queue.noteWritten(written, of: next)
            #expect(queue.lost == lost, "\(written)")
        }
    }

    @Test("a pipe that no one reads: no line waits, and whoever reads at last gets each line or its count")
    func unreadPipe() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { unlink(path) }
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        let output = LogOutput(path: path)
        let log = OperatorLogWriter(info: output, errors: output, process: "p", version: "1", time: { 0 })
        let logger = Logger(label: "test", factory: log.handler)
        let lines = 20_000
        for number in 0..<lines { logger.info("line \(number)") }
        #expect(!output.flush(within: .zero), "the pipe is full")
        // Who reads to the end waits for no clock: the last line says that it is the last.
        _ = fcntl(reader, F_SETFL, 0)
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !text.contains(" lost: ") {
            let count = read(reader, &chunk, chunk.count)
            guard count > 0 else { break }
            text += String(decoding: chunk[..<count], as: UTF8.self)
        }
        close(reader)
        let arrived = text.split(separator: "\n").count { $0.contains("| line ") }
        let lost = try #require(text.firstMatch(of: /\| (\d+) lines were lost: .* lost=(\d+)/))
        #expect(lost.1 == lost.2 && Int(lost.1).map { $0 + arrived } == lines)
        logger.info("no one is there")
        #expect(output.flush(within: .seconds(60)), "a pipe whose reader has gone is no reason to wait")
    }

    @Test("a full disk loses lines, and the file that comes after it begins with their count")
    func fullDisk() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let output = LogOutput(path: path)
        let log = OperatorLogWriter(
            info: output, errors: output, format: .json, process: "p", version: "1", time: { 0 })
        let logger = Logger(label: "test", factory: log.handler)
        for number in 0..<3 { logger.info("line \(number)") }
        #expect(output.flush(within: .seconds(60)))
        try FileManager.default.removeItem(atPath: path)
        log.reopen()
        logger.info("there is room")
        #expect(output.flush(within: .seconds(60)))
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONValue(parsing: Array($0.utf8)).object)
        }
        #expect(lines.map { $0["Body"]?.string?.prefix(16) } == ["3 lines were los", "there is room"])
        #expect(lines.first?["Attributes"]?.object?["lost"]?.number?.int64 == 3)
    }

    private struct LogFailure: Error {}
}
