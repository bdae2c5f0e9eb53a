#if PostgreSQL
    import Foundations
    import SessionStorage
    import Testing

    @testable import PostgresStorage

    /// What waits for a connection: the most important first, so many at most, nobody forgotten.
    struct RequestQueueTests {
        private typealias Answer = PostgresRequest.Answer

        private let queue: RequestQueue

        init() throws {
            queue = try RequestQueue(capacity: 3)
        }

        private func statement(_ kind: PostgresStatement.Kind) -> PostgresStatement {
            PostgresStatement("s", kind, "SELECT 1")
        }

        /// Adds a request; what it is answered comes later.
        private func add(
            _ priority: PostgresPriority, _ kind: PostgresStatement.Kind = .write, key: String = "",
            deadline: Int64 = .max
        ) async -> Task<Answer, Never> {
            let (id, queue, statement) = (queue.nextID(), queue, statement(kind))
            let (added, tell) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                await withCheckedContinuation { waiter in
                    queue.add(
                        PostgresRequest(
                            id: id, statement: statement, values: [], key: key, priority: priority,
                            deadline: MonotonicTime(nanoseconds: deadline), waiter: waiter))
                    tell.finish()
                }
            }
            for await _ in added {}
            return task
        }

        private func end() { for request in queue.close() { request.answer(.failure(.databaseClosed)) } }

        @Test("the most important go first, and a group has one kind")
        func order() async {
            for (priority, kind) in [
                (PostgresPriority.create, PostgresStatement.Kind.write), (.revoke, .write), (.refresh, .read),
            ] {
                _ = await add(priority, kind)
            }
            let first = queue.take(atMost: 16)
            #expect(first.map(\.priority) == [.revoke, .create], "a read does not share a group with writes")
            let second = queue.take(atMost: 16)
            #expect(second.map(\.priority) == [.refresh] && queue.isEmpty)
            for request in first + second { request.answer(.failure(.databaseClosed)) }
        }

        @Test("what writes many rows, and what failed in a group, goes alone")
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
            for request in first + again { request.answer(.failure(.databaseClosed)) }
            end()
        }

        @Test("a full queue refuses the newest of the least important")
        func full() async {
            let old = await add(.other)
            let newer = await add(.other)
            let create = await add(.create)
            let refused = await add(.other)
            #expect(await refused.value.isFailure(.unavailable), "nothing less important waits")
            let revoke = await add(.revoke)
            #expect(await newer.value.isFailure(.unavailable), "the newest of the least important goes")
            let taken = queue.take(atMost: 16)
            #expect(taken.map(\.priority) == [.revoke, .create, .other])
            for request in taken { request.answer(.failure(StorageError(.full, ""))) }
            for task in [old, create, revoke] { #expect(await task.value.isFailure(.full)) }
        }

        @Test("those whose time is over, and those nobody waits for, are taken out")
        func expiry() async {
            let early = await add(.other, deadline: 5)
            _ = await add(.other, deadline: 7)
            let expired = queue.takeExpired(at: MonotonicTime(nanoseconds: 5))
            #expect(expired.count == 1)
            for request in expired { request.answer(.failure(StorageError(.full, ""))) }
            #expect(await early.value.isFailure(.full))
            #expect(queue.take(99) == nil)
            let last = queue.take(2)
            #expect(last != nil && queue.isEmpty)
            last?.answer(.failure(.databaseClosed))
        }

        @Test("a closed queue answers everybody")
        func closed() async {
            let waiting = await add(.create)
            end()
            #expect(await waiting.value.isFailure(.unavailable))
            let late = await add(.create)
            #expect(await late.value.isFailure(.unavailable))
            #expect(queue.isClosed && !queue.maySleep(canSend: false))
        }
    }

    extension PostgresRequest.Answer {
        fileprivate func isFailure(_ code: StorageError.Code) -> Bool {
            guard case .failure(let error) = self else { return false }
            return error.code == code
        }
    }
#endif
