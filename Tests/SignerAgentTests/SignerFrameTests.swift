import Foundations
import SessionEngine
import TestSupport
import Testing

@testable import SignerAgent

@Suite struct SignerFrameTests {
    private static let name = SignerKeyName(bytes: [UInt8](repeating: 7, count: 32))
    private static let id = KeyID("d-1")

    private func questions() throws -> [SignerFrame.Question] {
        let (name, id) = (try #require(Self.name), try #require(Self.id))
        return [
            .hello(version: 1), .list(from: 300), .sign(name, [[1, 2], [], [UInt8](repeating: 3, count: 60_000)]),
            .make(id, .rs256), .make(id, .es256), .delete(name),
        ]
    }

    private func answers() throws -> [SignerFrame.Answer] {
        let (name, id) = (try #require(Self.name), try #require(Self.id))
        let entry = SignerFrame.Entry(name: name, id: id, algorithm: .es256, createdAt: 1_700_000_000_123)
        return [
            .hello(version: 1), .list(total: 5, [entry, entry]), .list(total: 0, []), .made([1, 2, 3]),
            .signed([.success([9, 8]), .failure(.refused), .failure(.tooMany)]), .deleted(true), .deleted(false),
        ] + SignerFrame.Problem.allCases.map { .failed($0) }
    }

    @Test func `A question to sign is these bytes`() throws {
        let frame = SignerFrame.encoded(.sign(try #require(Self.name), [[0xAB]]), id: 7)
        #expect(
            Hex.encode(frame) == "00000029" + "03" + "00000007" + String(repeating: "07", count: 32) + "01" + "0001"
                + "ab")
    }

    @Test func `Questions and answers round-trip`() throws {
        for question in try questions() {
            let frame = SignerFrame.encoded(question, id: 5)
            #expect(frame.count <= SignerFrame.longest + 4)
            let read = try #require(SignerFrame.question(Array(frame.dropFirst(4))))
            #expect(read.id == 5 && read.1 == question)
        }
        for answer in try answers() {
            let read = try #require(SignerFrame.answer(Array(SignerFrame.encoded(answer, id: 6).dropFirst(4))))
            #expect(read.id == 6 && read.1 == answer)
        }
    }

    @Test func `What is cut, longer or damaged is read as nothing or as something else, and ends nothing`() throws {
        var random = SplitMix64(seed: 50)
        for question in try questions().filter({ $0 != (try? questions()[2]) }) {
            let frame = Array(SignerFrame.encoded(question, id: 5).dropFirst(4))
            for length in 0..<frame.count { #expect(SignerFrame.question(Array(frame.prefix(length))) == nil) }
            #expect(SignerFrame.question(frame + [0]) == nil)
            for _ in 0..<200 {
                var damaged = frame
                damaged[Int(random.next() % UInt64(damaged.count))] ^= UInt8(truncatingIfNeeded: random.next() | 1)
                if let read = SignerFrame.question(damaged) { #expect(read.id != 5 || read.1 != question) }
                _ = SignerFrame.answer(damaged)
            }
        }
    }

    @Test func `No question has no inputs or too many`() throws {
        for count in [0, 65] {
            let frame = SignerFrame.encoded(
                .sign(try #require(Self.name), [[UInt8]](repeating: [1], count: count)), id: 1)
            #expect(SignerFrame.question(Array(frame.dropFirst(4))) == nil)
        }
    }

    @Test func `A rate allows a second's worth at once and no more`() {
        let start = MonotonicTime(nanoseconds: 5)
        var limit = RateLimit(perSecond: 10, atOnce: 10, at: start)
        #expect(limit.take(8, at: start) == 8)
        #expect(limit.take(8, at: start) == 2)
        #expect(limit.take(1, at: start + .milliseconds(50)) == 0)
        #expect(limit.take(9, at: start + .milliseconds(500)) == 5)
        #expect(limit.take(99, at: start + .seconds(1_000)) == 10)
        #expect(limit.take(1, at: start) == 0, "a clock that goes back gives nothing")
    }
}
