import Foundations
import Testing

@testable import LibPQClient

@Suite("Statements that wait for a connection")
struct RequestQueueTests {
    private typealias Answer = ClientRequest.Answer

    private let queue: RequestQueue

    init() throws {
        queue = try RequestQueue(capacity: 3)
    }

    private func statement(_ kind: PostgresStatement.Kind) -> PostgresStatement {
        PostgresStatement("s", kind, "SELECT 1")
    }

    /// Adds a request; its answer comes later.
    private func add(
        _ priority: StatementPriority, _ kind: PostgresStatement.Kind = .write, key: String = "",
        deadline: Int64 = .max
    ) async -> Task<Answer, Never> {
        let (id, queue, statement) = (queue.nextID(), queue, statement(kind))
        let (added, continuation) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            await withCheckedContinuation { waiter in
                queue.add(
                    ClientRequest(
                        id: id, statement: statement, values: [], key: key, priority: priority,
                        deadline: MonotonicTime(nanoseconds: deadline), waiter: waiter))
                continuation.finish()
            }
        }
        for await _ in added {}
        return task
    }

    private func end() { for request in queue.close() { request.answer(.failure(.closed)) } }

    @Test("the most important go first, and a batch has one kind")
    func order() async {
        for (priority, kind) in [
            (StatementPriority.create, PostgresStatement.Kind.write), (.revoke, .write), (.refresh, .read),
        ] {
            _ = await add(priority, kind)
        }
        let first = queue.take(atMost: 16)
        #expect(first.map(\.priority) == [.revoke, .create], "a read does not share a batch with writes")
        let second = queue.take(atMost: 16)
        #expect(second.map(\.priority) == [.refresh] && queue.isEmpty)
        for request in first + second { request.answer(.failure(.closed)) }
    }

    @Test("what writes many rows, and what failed in a batch, goes alone")
    func alone() async {
        _ = await add(.revoke, .alone)
        _ = await add(.refresh)
        let first = queue.take(atMost: 16)
        #expect(first.map(\.priority) == [.revoke])
        var failed = queue.take(atMost: 16)
        failed[0].isSingle = true
        _ = await add(.refresh)
        queue.putBack(failed)
        let again = queue.take(atMost: 16)
        #expect(again.map(\.isSingle) == [true], "it is where it was, and by itself")
        for request in first + again { request.answer(.failure(.closed)) }
        end()
    }

    @Test("a full queue rejects the newest of the lowest priority")
    func full() async {
        let old = await add(.other)
        let newer = await add(.other)
        let create = await add(.create)
        let rejected = await add(.other)
        #expect(await rejected.value.isUnavailable, "nothing less important waits")
        let revoke = await add(.revoke)
        #expect(await newer.value.isUnavailable, "the newest of the least important goes")
        let taken = queue.take(atMost: 16)
        #expect(taken.map(\.priority) == [.revoke, .create, .other])
        for request in taken { request.answer(.failure(.unstorable(""))) }
        for task in [old, create, revoke] { #expect(await task.value.isUnstorable) }
    }

    @Test("requests past their deadline, and those that are cancelled, are taken out")
    func expiry() async {
        let early = await add(.other, deadline: 5)
        _ = await add(.other, deadline: 7)
        let expired = queue.takeExpired(at: MonotonicTime(nanoseconds: 5))
        #expect(expired.count == 1)
        for request in expired { request.answer(.failure(.unstorable(""))) }
        #expect(await early.value.isUnstorable)
        #expect(queue.take(99) == nil)
        let last = queue.take(2)
        #expect(last != nil && queue.isEmpty)
        last?.answer(.failure(.closed))
    }

    @Test("a closed queue answers every request")
    func closed() async {
        let waiting = await add(.create)
        end()
        #expect(await waiting.value.isUnavailable)
        let late = await add(.create)
        #expect(await late.value.isUnavailable)
        #expect(queue.isClosed && !queue.maySleep(canSend: false))
    }
}

extension StatementPriority {
    fileprivate static let revoke = StatementPriority(level: 1)
    fileprivate static let refresh = StatementPriority(level: 2)
    fileprivate static let create = StatementPriority(level: 3)
    fileprivate static let other = StatementPriority.last
}

extension ClientRequest.Answer {
    fileprivate var isUnavailable: Bool { if case .failure(.unavailable) = self { true } else { false } }
    fileprivate var isUnstorable: Bool { if case .failure(.unstorable) = self { true } else { false } }
}
