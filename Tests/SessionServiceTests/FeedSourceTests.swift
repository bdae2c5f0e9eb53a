import Foundations
import RevocationFeed
import SessionEngine
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import SessionService

@Suite("The feed of ended sessions (docs/decisions/0046)")
struct FeedSourceTests {
    @Test("RF10: a first question gets all that matters, the next one only the news")
    func news() async throws {
        let world = FeedWorld()
        for number in 1...3 { world.log.show(Int64(number)) }
        let first = try await world.read()
        #expect(first.subjects == FeedWorld.subjects(1...3))
        #expect(try await world.source.page(after: nil, wait: .zero).isReset)
        let none = try await world.source.page(after: first.page.next, wait: .zero)
        #expect(!none.isReset && none.entries.isEmpty && none.next == first.page.next)
        world.log.show(4)
        #expect(try await world.read(after: first.page.next).subjects.isEmpty, "what was not read yet")
        await world.ticker.tick()
        let second = try await world.read(after: first.page.next)
        #expect(second.subjects == FeedWorld.subjects([4]) && !second.page.isReset)
    }

    @Test("An answer waits for news, and ends with the first or when its time is up")
    func waiting() async throws {
        let world = FeedWorld()
        let cursor = try await world.source.page(after: nil, wait: .zero).next
        await world.ticker.settle()
        async let news = world.source.page(after: cursor, wait: .seconds(20))
        async let silence = world.source.page(after: cursor, wait: .milliseconds(400))
        while await world.source.waitingCount < 2 { await Task.yield() }
        await world.ticker.tick()
        #expect(await world.source.waitingCount == 2)
        await world.ticker.tick()
        #expect(try await silence.entries.isEmpty)
        #expect(await world.source.waitingCount == 1)
        world.log.show(1)
        await world.ticker.tick()
        #expect(try await news.entries.map(\.subject) == FeedWorld.subjects([1]))
    }

    @Test("Of very many who wait the last are answered at once, and all when the core stops")
    func manyWaiting() async throws {
        let world = FeedWorld()
        let cursor = try await world.source.page(after: nil, wait: .zero).next
        await world.ticker.settle()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<FeedSource.mostWaiting {
                group.addTask { try await world.source.page(after: cursor, wait: .seconds(30)).entries.isEmpty }
            }
            while await world.source.waitingCount < FeedSource.mostWaiting { await Task.yield() }
            #expect(try await world.source.page(after: cursor, wait: .seconds(30)).entries.isEmpty)
            await world.source.stop()
            for try await isEmpty in group { #expect(isEmpty) }
        }
        #expect(try await world.source.page(after: cursor, wait: .seconds(30)).entries.isEmpty, "after the stop")
    }

    @Test("RF11: another history is a reset, and what was before it is not in the new list")
    func anotherHistory() async throws {
        let world = FeedWorld()
        for number in 1...20 { world.log.show(Int64(number)) }
        let before = try await world.read()
        // A standby that had less: its numbers are lower than the newest that was read.
        world.log.state.withLock { state in
            state.history = "two"
            state.rows.removeAll { $0.sequence > 10 }
        }
        world.log.show(11, .session(SessionHandle("other")))
        await world.ticker.tick()
        let after = try await world.source.page(after: before.page.next, wait: .zero)
        #expect(after.isReset && after.stream != before.page.stream)
        let other = Subject.session(RevocationDigest(of: "other"))
        #expect(after.entries.map(\.subject) == FeedWorld.subjects(1...10) + [other])
        world.log.show(12)
        await world.ticker.tick()
        #expect(try await world.read(after: after.next).subjects == FeedWorld.subjects([12]))
    }

    @Test("RF11: another history in the middle of a reading is no complete reading")
    func anotherHistoryInTheMiddle() async throws {
        let world = FeedWorld()
        for number in 1...20 { world.log.show(Int64(number)) }
        var page = try await world.read().page
        for _ in 0..<11 {
            await world.ticker.tick(.seconds(50))
            page = try await world.source.page(after: page.next, wait: .zero)
        }
        // The next reading is of the news, and then of all: the standby takes over between the two.
        world.log.state.withLock { $0.readsToPromotion = 1 }
        await world.ticker.tick(.seconds(55))
        #expect(world.log.state.withLock(\.history) == "two")
        async let asked = world.source.page(after: page.next, wait: .zero)
        await world.ticker.tick()
        let after = try await asked
        #expect(after.isReset && after.entries.map(\.subject) == FeedWorld.subjects(1...20))
    }

    @Test("RF12: while storage fails the age grows, and nothing is forgotten")
    func failure() async throws {
        let world = FeedWorld()
        world.log.state.withLock { $0.error = StorageError(.unavailable, "away") }
        await #expect(throws: StorageError.self) { try await world.source.page(after: nil, wait: .zero) }
        world.log.state.withLock { $0.error = nil }
        world.log.show(1)
        await world.ticker.tick()
        let first = try await world.read()
        #expect(first.subjects == FeedWorld.subjects([1]) && first.page.age.count == 0)
        world.log.state.withLock { $0.error = StorageError(.unavailable, "away") }
        for second in 1...8 {
            await world.ticker.tick(.seconds(1))
            let page = try await world.source.page(after: first.page.next, wait: .zero)
            #expect(page.age == .seconds(Int64(second)) && !page.isReset)
        }
        world.log.state.withLock { $0.error = nil }
        await world.ticker.tick()
        #expect(try await world.source.page(after: first.page.next, wait: .zero).age.count == 0)
    }

    @Test("RF09: a minute after the last question nothing is read any more, and the next question begins again")
    func idle() async throws {
        let world = FeedWorld()
        world.log.show(1)
        let first = try await world.read()
        for _ in 0..<59 { await world.ticker.tick(.seconds(1)) }
        await world.ticker.last(.seconds(2))
        while await world.source.isReading { await Task.yield() }
        let reads = world.log.state.withLock(\.reads)
        let next = try await world.source.page(after: first.page.next, wait: .zero)
        #expect(!next.isReset && next.entries.map(\.subject) == FeedWorld.subjects([1]))
        #expect(world.log.state.withLock(\.reads) == reads + 1)
    }

    @Test("RF01: an entry leaves when no token can be left, a key never does")
    func expiry() async throws {
        let world = FeedWorld()
        world.log.show(1)
        world.log.show(2, .key(try #require(KeyID("d-1"))))
        world.log.show(3, .user(UserID("u"), tenant: TenantID("t")))
        let all = try await world.read()
        let user = Subject.user(RevocationDigest(of: "u"), tenant: RevocationDigest(of: "t"))
        let key = Subject.key("d-1")
        #expect(Set(all.subjects) == Set(FeedWorld.subjects([1]) + [key, user]))
        let until = FeedWorld.start + FeedWorld.life + .seconds(60)
        #expect(try await world.source.page(after: nil, wait: .zero).entries.compactMap(\.until) == [until, until])
        // The row was read at the start of the test, and its time is counted by the steady clock from then on.
        try await pass(.seconds(3_659), in: world)
        #expect(world.source.figures.value(at: world.ticker.steady)?.entries == 3)
        try await pass(.seconds(86_400), in: world)
        #expect(Set(try await world.read().subjects) == [key])
        #expect(try await world.source.page(after: all.page.next, wait: .zero).isReset == false)
    }

    /// Lets time pass while a reader asks.
    private func pass(_ duration: Duration, in world: FeedWorld) async throws {
        var rest = duration
        while rest > .zero {
            let step = min(rest, .seconds(30))
            await world.ticker.tick(step)
            _ = try await world.source.page(after: nil, wait: .zero)
            rest -= step
        }
    }

    @Test(
        "A core whose clock jumps forgets nothing, and reads no old row as news",
        arguments: [7_200, -7_200, 86_400 * 365])
    func wrongClock(seconds: Int64) async throws {
        let world = FeedWorld()
        world.log.show(1)
        let first = try await world.read()
        world.clock.advance(by: .seconds(seconds))
        await world.ticker.tick()
        #expect(try await world.read().subjects == FeedWorld.subjects([1]))
        world.log.show(2, at: FeedWorld.start + .seconds(-3_661))
        world.log.show(3)
        await world.ticker.tick()
        #expect(try await world.read(after: first.page.next).subjects == FeedWorld.subjects([3]))
    }

    @Test(
        "F10: a cursor that means nothing begins again",
        arguments: [
            "", "x", "-", "1-2-3-4", "0000000000000000-0-0000000000000000-0", "ffffffffffffffff--1-ffffffffffffffff-1",
            String(repeating: "9", count: 100_000),
        ])
    func cursors(text: String) async throws {
        let world = FeedWorld()
        world.log.show(1)
        let first = try await world.read()
        let page = try await world.source.page(after: text, wait: .seconds(30))
        #expect(page.isReset && page.entries.map(\.subject) == FeedWorld.subjects([1]))
        for part in 0..<4 {
            var parts = first.page.next.split(separator: "-").map(String.init)
            parts[part] = part.isMultiple(of: 2) ? "ffffffffffffffff" : "9223372036854775807"
            let forged = try await world.source.page(after: parts.joined(separator: "-"), wait: .zero)
            // The number of another core's list means nothing beside this core's own.
            #expect(forged.isReset == (part != 1 && part != 2), "part \(part)")
        }
    }
}

@Suite("RF07: what becomes visible out of order reaches every reader")
struct FeedOrderTests {
    /// Readers of two cores on one storage, rows of which become visible in any order, after up to 25 s.
    @Test("Rows that appear late are passed on, also to readers that change the core", arguments: UInt64(1)...20)
    func order(seed: UInt64) async throws {
        var dice = SplitMix64(seed: seed)
        let log = ScriptedLog()
        let worlds = [FeedWorld(log, seed: seed), FeedWorld(log, seed: seed &+ 100)]
        var readers: [(cursor: String?, core: Int, seen: Set<Subject>)] =
            (0..<4).map { (cursor: nil, core: $0 % 2, seen: []) }
        var pending: [(number: Int64, tick: Int)] = []
        var next: Int64 = 0
        for tick in 0..<600 {
            if tick < 400 {
                for _ in 0..<Int.random(in: 0...3, using: &dice) {
                    next += Int64.random(in: 1...3, using: &dice)
                    // Most at once, some a little later, few after up to 25 s.
                    let delay = [0, 0, 0, 1, 3, 7, 100].randomElement(using: &dice) ?? 0
                    pending.append((number: next, tick: tick + delay))
                }
            }
            for row in pending where row.tick == tick { log.show(row.number) }
            for index in readers.indices {
                if dice.chance(percent: 3) { readers[index].core = 1 - readers[index].core }
                if dice.chance(percent: 1) { readers[index].cursor = nil }
                let read = try await worlds[readers[index].core].read(after: readers[index].cursor)
                readers[index].seen.formUnion(read.subjects)
                readers[index].cursor = read.page.next
            }
            for world in worlds { await world.ticker.tick() }
        }
        for reader in readers {
            let missing = Set(FeedWorld.subjects(pending.map(\.number))).subtracting(reader.seen)
            #expect(missing.isEmpty, "seed \(seed): \(missing.count) of \(pending.count) are missing")
        }
        #expect(pending.count > 400)
    }

    @Test("What became visible a quarter of an hour later is found by the reading of all, without holding up the news")
    func veryLate() async throws {
        let world = FeedWorld()
        for number in 1...100 where number != 50 { world.log.show(Int64(number)) }
        let first = try await world.read()
        var cursor = first.page.next
        for _ in 0..<20 {
            await world.ticker.tick(.seconds(45))
            cursor = try await world.read(after: cursor).page.next
        }
        world.log.show(50)
        var found: [Subject] = []
        for _ in 0..<16 where found.isEmpty {
            await world.ticker.tick(.seconds(45))
            let read = try await world.read(after: cursor)
            (found, cursor) = (read.subjects, read.page.next)
        }
        #expect(found == FeedWorld.subjects([50]))
    }

    @Test("A reading looks at the newest rows again, and not at all of them")
    func cost() async throws {
        let world = FeedWorld()
        for number in 1...20_000 { world.log.show(Int64(number)) }
        let first = try await world.read()
        #expect(first.subjects.count == 20_000)
        for _ in 0..<130 {
            await world.ticker.tick()
            _ = try await world.source.page(after: first.page.next, wait: .zero)
        }
        let before = world.log.state.withLock(\.readRows)
        await world.ticker.tick()
        #expect(world.log.state.withLock(\.readRows) == before)
    }
}

@Suite("F7: the longest life of an access token that may be in use")
struct TokenLifeTests {
    private static let start = Timestamp(milliseconds: 1_700_000_000_000)

    @Test("A shorter life counts once the last token of the longer one has expired")
    func shorter() {
        let hour = TokenLife(.seconds(3_600))
        #expect(hour.followed(by: .seconds(3_600), at: Self.start) == hour)
        let cut = hour.followed(by: .seconds(300), at: Self.start)
        #expect(cut.life == .seconds(3_600) && cut.until == Self.start + .seconds(3_600))
        #expect(cut.followed(by: .seconds(300), at: Self.start + .seconds(3_599)) == cut)
        #expect(cut.followed(by: .seconds(300), at: Self.start + .seconds(3_600)) == TokenLife(.seconds(300)))
        // Another node still gives the longer one.
        #expect(cut.followed(by: .seconds(3_600), at: Self.start) == hour)
        #expect(cut.followed(by: .seconds(7_200), at: Self.start) == TokenLife(.seconds(7_200)))
    }

    @Test("It is stored as text, and another text is none")
    func text() {
        for life in [TokenLife(.seconds(1)), TokenLife(.seconds(2), until: Self.start)] {
            #expect(TokenLife(life.text) == life)
        }
        for text in ["", "x", "1 x", "-1", "1 2 3", "99999999999999999999"] { #expect(TokenLife(text) == nil) }
    }

    @Test("Nodes with two settings and a core that was off keep the longer life for as long as it lasts")
    func noted() async throws {
        let world = try await World()
        func life(_ seconds: Int64) async throws -> Int64 {
            try await SessionManager.noteTokenLife(.seconds(seconds), world.storage, world.service.clock).count / 1_000
        }
        #expect(try await life(3_600) == 3_600)
        #expect(try await life(300) == 3_600)
        world.clock.advance(by: .seconds(3_599))
        #expect(try await life(300) == 3_600)
        world.clock.advance(by: .seconds(1))
        _ = try await life(300)
        #expect(try await life(300) == 300)
    }
}
