import SessionEngine
import SessionStorage

/// What ends sessions waits for each stream until it is delivered (docs/decisions/0049).
extension StorageConformance {
    private static let start = ConformanceSample.start
    /// Later than any database's clock.
    private static let far = Timestamp(milliseconds: 32_000_000_000_000)
    private static let byUser = Revocation(by: .user, .handle, at: start)

    private static func record(_ handle: String, user: String = "u1", tenant: String = "public") -> SessionRecord {
        ConformanceSample.record(handle, user: user, expiresAt: far, tenant: tenant)
    }

    static func stream(_ name: String) throws -> EventStreamName {
        guard let name = EventStreamName(name) else { throw ConformanceFailure("\(name) is no name of a stream") }
        return name
    }

    /// What waits for a stream, in words.
    static func waiting(
        _ storage: any SessionStorage, _ name: String, after number: Int64 = 0, limit: Int = 1_000
    ) async throws -> [String] {
        try await storage.pendingEvents(of: stream(name), after: number, limit: limit).map { pending in
            let event = pending.event
            let subject = event.handle?.rawValue ?? event.userID?.rawValue ?? "-"
            return "\(event.name.rawValue) \(subject) \(event.means?.rawValue ?? "-")"
        }
    }

    /// The numbers of all that waits for a stream.
    private static func numbers(_ storage: any SessionStorage, _ name: String, count: Int) async throws -> [Int64] {
        let found = try await storage.pendingEvents(of: stream(name), after: 0, limit: 1_000).map(\.number)
        try expect(found.count, is: count, "how many events wait for \(name)")
        return found
    }

    private static func state(_ storage: any SessionStorage, _ name: String) async throws -> EventStreamState {
        let wanted = try stream(name)
        guard let state = try await storage.eventStreams().first(where: { $0.name == wanted }) else {
            throw ConformanceFailure("there is no stream \(name)")
        }
        return state
    }

    /// Ends sessions one after the other, each with an audit event.
    private static func end(_ handles: [String], in storage: any SessionStorage) async throws {
        for handle in handles {
            try await storage.insert(record(handle))
            _ = try await storage.remove(.handles([SessionHandle(handle)]), audit: byUser)
        }
    }

    static let eventChecks = writtenEventChecks + sentEventChecks + streamChecks

    /// What comes into the outbox.
    private static let writtenEventChecks = [
        Check("Nothing waits without a stream, and a stream gets what happens after it was registered") { storage in
            try await end(["a"], in: storage)
            try expect(try await storage.eventStreams(), is: [], "streams of a new storage")
            try await storage.registerStreams([stream("one")])
            try expect(try await waiting(storage, "one"), is: [], "waiting for a new stream")
            try await end(["b"], in: storage)
            try await storage.registerStreams([stream("one"), stream("a-2_b")])
            try await storage.registerStreams([])
            try await end(["c"], in: storage)
            try expect(try await waiting(storage, "one"), is: ["revoked b handle", "revoked c handle"], "of the first")
            try expect(try await waiting(storage, "a-2_b"), is: ["revoked c handle"], "of the second")
            let names = try await storage.eventStreams().map(\.name.rawValue)
            try expect(names, is: ["a-2_b", "one"], "the streams in their order")
        },
        Check("An event waits as it was written, with the number of its entry") { storage in
            try await storage.registerStreams([stream("s")])
            try await storage.insert(record("a", tenant: "t"), audit: .created(record("a", tenant: "t")))
            let note = AuditNote(operatorName: "ann", reasonText: "lost \u{1f4f1} \"phone\"")
            let revocation = Revocation(by: .administrator, .handle, at: start, note: note)
            _ = try await storage.remove(.handles([SessionHandle("a")]), audit: revocation)
            let entry = try await storage.auditEvents(AuditQuery(name: .revoked)).first
            let pending = try await storage.pendingEvents(of: stream("s"), after: 0, limit: 9)
            try expect(pending.map(\.event), is: entry.map { [$0.event] } ?? [], "the event")
            try expect(pending.map(\.sequence), is: entry.map { [$0.sequence] } ?? [], "the number of its entry")
            try expect(pending.allSatisfy { $0.attempts == 0 && $0.nextAttempt <= start }, "it waits for nothing")
            try expect(pending.allSatisfy { $0.since == start }, "it waits since its time")
        },
        Check("Creations, refreshes, refusals and expiry are no events for a stream") { storage in
            try await storage.registerStreams([stream("s")])
            try await storage.insert(record("a"), audit: .created(record("a")))
            var next = record("a")
            next.rotationCount = 9
            let rotated = next
            try await storage.update(rotated.handle) { _ in
                Decision(.replace(rotated), (), audit: entry(.refreshed, "a"))
            }
            try await storage.update(rotated.handle) { _ in Decision(.keep, (), audit: entry(.reuseDetected, "a")) }
            for name in AuditEvent.Name.allCases where name != .credentialChanged {
                try await storage.addAuditEvent(entry(name, "x"))
            }
            try await storage.insert(ConformanceSample.record("old"))
            let expiry = Revocation(by: .core, .expiry, at: ConformanceSample.later)
            let gone = try await storage.remove(.expired(at: ConformanceSample.later, limit: 9), audit: expiry)
            try expect(gone.map(\.rawValue), is: ["old"], "removed as expired")
            try expect(try await waiting(storage, "s"), is: [], "waiting")
        },
        Check("Each way of ending a session is an event, and so is a credential that changed") { storage in
            try await storage.registerStreams([stream("s")])
            try await storage.insert(all: ["a", "b", "c", "d"].map { record($0) })
            var reuse = entry(.reuseDetected, "a")
            (reuse.actor, reuse.means) = (.core, .reuse)
            let event = reuse
            try await storage.update(SessionHandle("a")) { _ in Decision(.remove, (), audit: event) }
            let handles = ["b", "no"].map { SessionHandle($0) }
            _ = try await storage.remove(.handles(handles), audit: Revocation(by: .user, .others, at: start))
            let all = RevocationTarget.user(UserID("u1"), tenant: nil, liveAt: start)
            _ = try await storage.remove(all, audit: Revocation(by: .user, .all, at: start))
            try await storage.addAuditEvent(
                AuditEvent(name: .credentialChanged, time: start, userID: UserID("u1"), actor: .driver))
            let found = try await waiting(storage, "s")
            try expect(found.count, is: 5, "how many wait")
            try expect(Array(found.prefix(2)), is: ["reuse_detected a reuse", "revoked b others"], "waiting first")
            try expect(Set(found[2..<4]), is: ["revoked c all", "revoked d all"], "of all sessions")
            try expect(found.last, is: "credential_changed u1 -", "waiting last")
        },
        Check("Many sessions of a user are one event, and not more when their rows go") { storage in
            try await CutOff.$largestStep.withValue(3) {
                try await storage.registerStreams([stream("s")])
                try await storage.insert(all: (0..<6).map { record("\($0)", tenant: $0 < 5 ? "t" : "public") })
                let inTenant = RevocationTarget.user(UserID("u1"), tenant: TenantID("t"), liveAt: start)
                _ = try await storage.remove(inTenant, audit: Revocation(by: .user, .all, at: start))
                let later = start + Milliseconds(5)
                let all = RevocationTarget.user(UserID("u1"), tenant: nil, liveAt: start)
                _ = try await storage.remove(all, audit: Revocation(by: .administrator, .all, at: later))
                let swept = later + CutOff.settlingTime + Milliseconds(1)
                while try await storage.sweepCutOffs(at: swept, limit: 100) > 0 {}
                let entries = try await storage.auditEvents(AuditQuery(name: .revoked)).count
                try expect(entries, is: 6, "entries of sessions")
                let both = ["revoked_all u1 all", "revoked_all u1 all"]
                try expect(try await waiting(storage, "s"), is: both, "waiting")
            }
        },
        Check("A user's erasure leaves what waits, and is an event for each session") { storage in
            try await storage.registerStreams([stream("s")])
            try await end(["a"], in: storage)
            try await storage.insert(record("b"))
            let revocation = Revocation(by: .administrator, .all, at: start)
            while try await !storage.eraseUser(UserID("u1"), audit: revocation, limit: 1).isDone {}
            let pending = try await storage.pendingEvents(of: stream("s"), after: 0, limit: 9)
            try expect(pending.map(\.event.handle?.rawValue), is: ["a", "b"], "the sessions")
            try expect(pending.allSatisfy { $0.event.userID == UserID("u1") }, "the user of what waits")
            let entries = try await storage.auditEvents(AuditQuery(name: .revoked)).map(\.event.userID)
            try expect(!entries.contains(UserID("u1")), "the log names an erased user")
        },
    ]

    private static func entry(_ name: AuditEvent.Name, _ handle: String) -> AuditEvent {
        AuditEvent(name: name, time: start, handle: SessionHandle(handle), tenantID: .public, userID: UserID("u1"))
    }

    /// What becomes of it.
    private static let sentEventChecks = [
        Check("Events are read in pages, each number greater than the one before") { storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            let handles = (0..<25).map { "\($0)" }
            try await end(handles, in: storage)
            var (read, last): ([String], Int64) = ([], 0)
            while true {
                let page = try await storage.pendingEvents(of: stream("s"), after: last, limit: 7)
                guard let newest = page.last?.number else { break }
                let numbers = page.map(\.number)
                try expect(numbers.count <= 7 && numbers == numbers.sorted(), "a page is not in order")
                try expect(page.allSatisfy { $0.number > last }, "a page begins too early")
                read += page.compactMap(\.event.handle?.rawValue)
                last = newest
            }
            try expect(read, is: handles, "read in pages")
            try expect(try await waiting(storage, "s", after: .max), is: [], "after the last number")
            try expect(try await waiting(storage, "s", limit: 0), is: [], "with limit 0")
            try expect(try await waiting(storage, "other"), is: [], "of a stream that is not there")
        },
        Check("What was delivered goes, from its stream alone, and a second time changes nothing") { storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            try await end(["a", "b", "c"], in: storage)
            let listed = try await numbers(storage, "s", count: 3)
            let outcomes = [EventOutcome(listed[0], .delivered), EventOutcome(listed[2], .delivered)]
            try expect(try await storage.settleEvents(of: stream("t"), outcomes), is: 0, "settled for another stream")
            try expect(try await storage.settleEvents(of: stream("s"), outcomes), is: 2, "settled")
            try expect(try await storage.settleEvents(of: stream("s"), outcomes), is: 0, "settled a second time")
            let unknown = [EventOutcome(.max, .delivered), EventOutcome(-1, .dead(error: "x"))]
            try expect(try await storage.settleEvents(of: stream("s"), unknown), is: 0, "settled without a number")
            try expect(try await storage.settleEvents(of: stream("s"), []), is: 0, "settled nothing")
            try expect(try await waiting(storage, "s"), is: ["revoked b handle"], "left")
            try expect(try await waiting(storage, "t").count, is: 3, "left for the other stream")
            let (one, other) = (try await state(storage, "s"), try await state(storage, "t"))
            try expect(one.pending == 1 && other.pending == 3, "the streams count what is left")
            try expect(one.lastDelivery != nil && other.lastDelivery == nil, "the streams know the last delivery")
        },
        Check("What failed waits until its time, and one step settles it with the others") { storage in
            try await storage.registerStreams([stream("s")])
            try await end(["a", "b", "c"], in: storage)
            let listed = try await numbers(storage, "s", count: 3)
            let outcomes = [
                EventOutcome(listed[1], .delivered), EventOutcome(listed[0], .later(far, error: "no answer\0")),
            ]
            try expect(try await storage.settleEvents(of: stream("s"), outcomes), is: 2, "settled")
            try expect(try await storage.settleEvents(of: stream("s"), outcomes), is: 0, "settled a second time")
            let left = try await storage.pendingEvents(of: stream("s"), after: 0, limit: 9)
            try expect(left.map(\.number), is: [listed[0], listed[2]], "left in the order of their numbers")
            try expect(left.map(\.attempts), is: [1, 0], "how often each failed")
            try expect(left.first?.nextAttempt, is: far, "when the first is tried again")
            let failed = try await state(storage, "s").lastError
            try expect(failed?.hasPrefix("no answer") ?? false, "the stream knows what went wrong")
            _ = try await storage.settleEvents(of: stream("s"), [EventOutcome(listed[0], .delivered)])
            try expect(try await state(storage, "s").lastError, is: nil, "the last error after a delivery")
        },
        Check("A dead event waits no more, is counted, waits again when it is revived, and goes if it is delivered") {
            storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            try await end(["a", "b", "c"], in: storage)
            let listed = try await numbers(storage, "s", count: 3)
            let dead = listed.prefix(2).map { EventOutcome($0, .dead(error: "invalid_key")) }
            try expect(try await storage.settleEvents(of: stream("s"), dead), is: 2, "settled")
            let again = [dead[0], EventOutcome(listed[1], .later(far, error: "late"))]
            try expect(try await storage.settleEvents(of: stream("s"), again), is: 0, "settled a second time")
            try expect(try await waiting(storage, "s"), is: ["revoked c handle"], "waiting beside dead ones")
            let counted = try await state(storage, "s")
            try expect(counted.dead == 2 && counted.pending == 1, "the stream counts \(counted.dead) dead")
            try expect(counted.lastError, is: "invalid_key", "the last error")
            _ = try await storage.settleEvents(of: stream("s"), [EventOutcome(listed[1], .delivered)])
            try expect(try await state(storage, "s").dead, is: 1, "dead after one was delivered")
            let time = start + Milliseconds(7)
            try expect(try await storage.reviveEvents(of: stream("s"), at: time), is: 1, "revived")
            try expect(try await storage.reviveEvents(of: stream("s"), at: time), is: 0, "revived a second time")
            let first = try await storage.pendingEvents(of: stream("s"), after: 0, limit: 1).first
            try expect(first?.number, is: listed[0], "the oldest comes first again")
            try expect(first?.attempts, is: 0, "how often a revived event failed")
            try expect(first?.nextAttempt == time && first?.since == time, "a revived event is not as if it were new")
            try expect(try await waiting(storage, "t").count, is: 3, "left for the other stream")
        },
        Check("What waits for too long dies, and what has been dead for as long goes") { storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            try await end(["a", "b", "c"], in: storage)
            try expect(try await storage.buryEvents(olderThan: start, limit: 9), is: 0, "buried too early")
            try expect(try await storage.buryEvents(olderThan: far, limit: 2), is: 4, "buried, two of each stream")
            try expect(try await waiting(storage, "s"), is: ["revoked c handle"], "the oldest die first")
            try expect(try await state(storage, "s").dead, is: 2, "dead")
            try expect(try await storage.buryEvents(olderThan: far, limit: 1), is: 4, "one dies and one goes of each")
            try expect(try await waiting(storage, "s"), is: [], "waiting when all are dead")
            while try await storage.buryEvents(olderThan: far, limit: 9) > 0 {}
            let states = try await storage.eventStreams()
            try expect(states.allSatisfy { $0.pending == 0 && $0.dead == 0 }, "something is left")
            try expect(try await storage.reviveEvents(of: stream("s"), at: start), is: 0, "revived what is gone")
        },
    ]

    /// Streams and their leases.
    private static let streamChecks = [
        Check("One owner at a time has a stream, and another gets it when it is given back or has run out") { storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            let (name, long) = (try stream("s"), Milliseconds.seconds(1_000_000))
            try expect(try await storage.leaseStream(name, for: "one", lasting: long), "a free stream is refused")
            try expect(try await storage.leaseStream(name, for: "one", lasting: long), "its owner is refused")
            try expect(!(try await storage.leaseStream(name, for: "two", lasting: long)), "two have a stream")
            try expect(try await storage.leaseStream(stream("t"), for: "two", lasting: long), "streams are not apart")
            let missing = try await storage.leaseStream(stream("no"), for: "one", lasting: long)
            try expect(!missing, "a stream that is not there was given")
            let end = Milliseconds(0)
            try expect(try await storage.leaseStream(name, for: "one", lasting: end), "it is not taken back")
            try expect(try await storage.leaseStream(name, for: "two", lasting: end), "it was not given back")
            try await storage.registerStreams([name])
            try expect(try await storage.leaseStream(name, for: "three", lasting: long), "one that ran out is refused")
            try expect(!(try await storage.leaseStream(name, for: "one", lasting: long)), "a former owner has it")
        },
        Check("A stream that is removed has nothing, and gets nothing until it is registered again") { storage in
            try await storage.registerStreams([stream("s"), stream("t")])
            try await end(["a", "b"], in: storage)
            let first = try await storage.pendingEvents(of: stream("s"), after: 0, limit: 1).map(\.number)
            _ = try await storage.settleEvents(of: stream("s"), first.map { EventOutcome($0, .dead(error: "x")) })
            try expect(try await storage.removeStream(stream("s")), is: 2, "events that went with it")
            try expect(try await storage.removeStream(stream("s")), is: nil, "removed a second time")
            try await end(["c"], in: storage)
            try expect(try await waiting(storage, "s"), is: [], "waiting for a stream that was removed")
            try expect(try await storage.eventStreams().map(\.name.rawValue), is: ["t"], "the streams that are left")
            try expect(try await waiting(storage, "t").count, is: 3, "left for the other stream")
            try await storage.registerStreams([stream("s")])
            try await end(["d"], in: storage)
            try expect(try await waiting(storage, "s"), is: ["revoked d handle"], "after it is there again")
        },
        Check("Names of streams are short and plain") { _ in
            for name in ["a", "0", "a-b_c", String(repeating: "x", count: 64)] { _ = try stream(name) }
            for name in ["", "A", "a b", "é", "a/b", "a.b", String(repeating: "x", count: 65)] {
                try expect(EventStreamName(name) == nil, "\(name) is the name of a stream")
            }
        },
    ]
}
