import Crypto
import Foundations
import SessionEngine
import Testing

@testable import SignerAgent

/// The queue by itself, in a time that the test makes.
@Suite struct SignerQueueTests {
    private typealias Queue = SignerQueue<Int>

    private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private static func name() -> SignerKeyName { SignerKeyName(of: .p256(P256.Signing.PrivateKey().publicKey)) }

    private static func request(
        _ number: Int, by name: SignerKeyName, until end: MonotonicTime, length: Int = 200
    ) -> Queue.Request {
        Queue.Request(key: name, input: [UInt8](repeating: 1, count: length), end: end, waiter: number)
    }

    /// What became of requests.
    private struct Fate {
        var signed: [Int] = []
        var late: [Int] = []
        var refused: [Int] = []
        /// Frames that were answered after the end of one of their requests.
        var lateFrames = 0
        /// The longest time between the start and a signature.
        var longest = Duration.zero
    }

    /// Gives all requests to the queue at once, and works them off on connections that need so long for a frame.
    private static func worked(
        _ count: Int, deadline: Duration, connections: Int, frame: Duration, perInput: Duration, keys: [SignerKeyName]
    ) -> Fate {
        var (queue, fate) = (Queue(deadline: deadline, connections: connections), Fate())
        for number in 0..<count {
            let request = request(number, by: keys[number % keys.count], until: start + deadline)
            if case .refused = queue.add(request, at: start) { fate.refused.append(number) }
        }
        var free = [MonotonicTime](repeating: start, count: connections)
        while let next = free.indices.min(by: { free[$0] < free[$1] }), free[next] < .distantFuture {
            let begun = free[next]
            let (batch, late) = queue.take(at: begun)
            fate.late += late.map(\.waiter)
            guard let batch else {
                free[next] = .distantFuture
                continue
            }
            let took = frame + perInput * batch.requests.count
            free[next] = begun + took
            if batch.end < free[next] { fate.lateFrames += 1 }
            fate.signed += batch.requests.map(\.waiter)
            fate.longest = max(fate.longest, free[next] - start)
            _ = queue.note(batch.requests.count, took: took, works: true)
        }
        return fate
    }

    @Test(arguments: [
        (perInput: Duration.microseconds(20), atLeast: 4_000), (.microseconds(700), 4_000), (.milliseconds(3), 1_000),
        (.milliseconds(20), 150), (.milliseconds(100), 25),
    ])
    func `More than a signer can do fails alone, and no frame of the rest is late`(
        perInput: Duration, atLeast: Int
    ) throws {
        let fate = Self.worked(
            4_000, deadline: .seconds(2), connections: 2, frame: .microseconds(100), perInput: perInput,
            keys: [Self.name()])
        #expect(fate.signed.count >= atLeast, "\(fate.signed.count) of 4,000")
        #expect(Set(fate.signed + fate.late + fate.refused) == Set(0..<4_000), "each one has an answer")
        #expect(fate.signed.count + fate.late.count + fate.refused.count == 4_000, "and only one")
        #expect(fate.signed == fate.signed.sorted(), "first come, first served")
        // It learns how fast the signer is with the first frame of each connection.
        #expect(fate.lateFrames <= (perInput > .milliseconds(60) ? 2 : 0))
    }

    @Test func `Requests of several keys are each signed by theirs, and none waits for the others' end`() throws {
        let keys = (0..<3).map { _ in Self.name() }
        let fate = Self.worked(
            999, deadline: .seconds(1), connections: 1, frame: .microseconds(50), perInput: .microseconds(300),
            keys: keys)
        #expect(fate.signed.sorted() == Array(0..<999) && fate.lateFrames == 0)
        #expect(fate.longest < .milliseconds(320), "\(fate.longest)")
    }

    @Test func `A frame holds requests of one key, the oldest first, and what does not fit stays in its order`() {
        var queue = Queue(deadline: .seconds(1), connections: 1)
        let (first, second) = (Self.name(), Self.name())
        let end = Self.start + .seconds(1)
        let large = SignerFrame.longest / 2
        let inputs = [(first, 9), (second, 9), (first, large), (first, large), (first, 9)]
        for (number, (name, length)) in inputs.enumerated() {
            _ = queue.add(Self.request(number, by: name, until: end, length: length), at: Self.start)
        }
        var frames: [[Int]] = []
        while let batch = queue.take(at: Self.start).batch { frames.append(batch.requests.map(\.waiter)) }
        #expect(frames == [[0, 2, 4], [1], [3]])
    }

    @Test func `While one request tries a signer, the next one fails at once`() {
        var queue = Queue(deadline: .seconds(1), connections: 1)
        let (name, end) = (Self.name(), Self.start + .seconds(1))
        func isRefused(_ number: Int) -> Bool {
            if case .refused = queue.add(Self.request(number, by: name, until: end), at: Self.start) { return true }
            return false
        }
        let isNews = queue.silence().isNews
        #expect(isNews)
        #expect(isRefused(0), "silent")
        let wasSilent = queue.greet()
        #expect(wasSilent)
        #expect([isRefused(1), isRefused(2)] == [false, true])
        let trial = queue.take(at: Self.start).batch
        #expect(trial?.requests.map(\.waiter) == [1])
        #expect(isRefused(3), "the trial is under way")
        let signsAgain = queue.note(1, took: .milliseconds(1), works: true)
        #expect(signsAgain)
        #expect([isRefused(4), isRefused(5)] == [false, false])
    }

    @Test func `What was not answered in time is asked for again only where the signer does not hang`() {
        let (name, end) = (Self.name(), Self.start + .seconds(1))
        func failed(drops: Bool, after time: Duration) -> [Int] {
            var queue = Queue(deadline: .seconds(1), connections: 1)
            for number in 0..<3 { _ = queue.add(Self.request(number, by: name, until: end), at: Self.start) }
            guard let batch = queue.take(at: Self.start).batch else { return [] }
            let failed = queue.putBack(batch, at: Self.start + time, drops: drops).map(\.waiter)
            let again = queue.take(at: Self.start + time).batch?.requests.map(\.waiter) ?? []
            #expect(Set(failed + again) == [0, 1, 2])
            return failed
        }
        #expect(failed(drops: false, after: .milliseconds(10)) == [])
        #expect(failed(drops: true, after: .milliseconds(10)) == [0, 1, 2])
        #expect(failed(drops: false, after: .seconds(1)) == [0, 1, 2])
    }
}
