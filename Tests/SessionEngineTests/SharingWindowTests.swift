import Testing

@testable import SessionEngine

/// The rule of docs/decisions/0019 as stories; the flaws are those that its proofs have to find.
@Suite("Sharing windows")
struct SharingWindowTests {
    @Test("finding R1, flaw F1: who fetches the owner's next token in advance is an orphan when the owner comes")
    func ahead() throws {
        var chain = try Chain()
        let thief = try chain.successor(of: chain.first, at: 10)
        let owner = try chain.successor(of: chain.first, at: 3_600)
        #expect(owner != thief)
        _ = try chain.use(owner, at: 3_600.1)
        #expect(try chain.refresh(thief, at: 3_601) == .reuse(.orphan))
        #expect(chain.record == nil && chain.events.last?.name == .reuseDetected)
    }

    @Test("finding R1: if the thief uses his first, the owner's is the orphan, and the session ends all the same")
    func aheadAndUsed() throws {
        var chain = try Chain()
        let thief = try chain.successor(of: chain.first, at: 10)
        _ = try chain.use(thief, at: 11)
        #expect(try chain.refresh(chain.first, at: 3_600) == .reuse(.previous))
    }

    @Test("all who present a token within its window are given one successor, which lives shorter from the second on")
    func sameWindow() throws {
        var chain = try Chain()
        let first = try chain.successor(of: chain.first, at: 0)
        let writes = chain.writes
        let others = try [0, 30, 60].map { try chain.successor(of: chain.first, at: $0) }
        #expect(others.allSatisfy { $0 == first && $0.isShortened } && !first.isShortened)
        #expect(chain.writes == writes + 1, "that it is shared is written once")
        #expect(chain.events.isEmpty, "a window is no event")
    }

    @Test("flaws F6 and F7: the generation after a shared one is shortened whoever comes, the one after that is whole")
    func shortenedGenerations() throws {
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        let second = try chain.successor(of: chain.first, at: 1)
        let third = try chain.successor(of: second, at: 3_600)
        let fourth = try chain.successor(of: third, at: 7_200)
        #expect([second, third, fourth].map(\.isShortened) == [true, true, false])
    }

    @Test("flaw F2: each window is half as long as the one before, with a successor of its own; then none is repeated")
    func halving() throws {
        var chain = try Chain()
        var (opened, seen) = (0.0, [Chain.Held]())
        for number in 0..<7 {
            let length = Double(60_000 >> number) / 1_000
            let held = try chain.successor(of: chain.first, at: opened)
            #expect(!seen.contains(held), "window \(number)")
            #expect(try chain.successor(of: chain.first, at: opened + length) == held, "the end of window \(number)")
            seen.append(held)
            opened += length + 0.001
        }
        for number in 0..<3 {
            let held = try chain.successor(of: chain.first, at: opened + Double(number) / 1_000)
            #expect(!seen.contains(held), "random \(number)")
            seen.append(held)
        }
        _ = try chain.successor(of: seen[8], at: opened + 10)
        for other in [0, 6, 7, 9] {
            var copy = chain
            #expect(try copy.refresh(seen[other], at: opened + 20) == .reuse(.orphan))
        }
    }

    @Test("a window of half a second is opened, a shorter one is not, and no stored number traps")
    func shortest() throws {
        for (length, isOpened) in [(Int64(1_000), true), (999, false)] {
            var chain = try Chain { $0.sharingWindow = Milliseconds(length) }
            _ = try chain.successor(of: chain.first, at: 0)
            _ = try chain.successor(of: chain.first, at: 1.001)
            #expect(chain.record?.storedSharing?.window?.number == (isOpened ? 1 : 0))
        }
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        chain.store(window: .max)
        _ = try chain.successor(of: chain.first, at: 1_000)
    }

    @Test("RANDOM keeps no state of windows, not even one that was there before")
    func random() throws {
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        chain.rules.successorPolicy = .random
        let held = try chain.successor(of: chain.first, at: 1)
        #expect(chain.record?.storedSharing == nil)
        #expect(try chain.successor(of: chain.first, at: 2) != held)
    }

    @Test("flaw F4: a late or doubled request after the first use is given the same token until the window's end")
    func late() throws {
        for rotation in [Refresh.Rotation.atFirstUse, .atOnce] {
            var chain = try Chain()
            let held = try chain.successor(of: chain.first, at: 0)
            _ = try chain.use(held, at: 0.2)
            #expect(try chain.successor(of: chain.first, at: 60, rotation) == held)
            #expect(try chain.refresh(chain.first, at: 60.001, rotation) == .tooLate, "flaw F13b")
            #expect(try chain.refresh(chain.first, at: 120.2, rotation) == .tooLate)
            #expect(chain.events.map(\.name) == [.refreshed, .latePredecessor], "noted once")
            #expect(try chain.refresh(chain.first, at: 120.201, rotation) == .reuse(.previous))
        }
    }

    @Test("a late request marks the session as shared: two generations are shortened")
    func lateShortens() throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        _ = try chain.use(held, at: 0.2)
        #expect(try chain.successor(of: chain.first, at: 5).isShortened)
        let next = try chain.successor(of: held, at: 1_800)
        let last = try chain.successor(of: next, at: 3_600)
        #expect(next.isShortened && last.isShortened)
        #expect(try !chain.successor(of: last, at: 7_200).isShortened)
    }

    @Test("flaw F5: whoever polled before is shut out by his own second window")
    func poller() throws {
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        let owner = try chain.successor(of: chain.first, at: 3_600)
        _ = try chain.use(owner, at: 3_600.1)
        #expect(try chain.refresh(chain.first, at: 3_600.2) == .tooLate, "nothing is given")
    }

    @Test("flaw F12: what is repeated counts from the window, what is silent from the first use")
    func lazy() throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        _ = try chain.use(held, at: 600)
        #expect(try chain.refresh(chain.first, at: 600.1) == .tooLate)
        #expect(try chain.refresh(chain.first, at: 720) == .tooLate)
        #expect(try chain.refresh(chain.first, at: 720.001) == .reuse(.previous))
    }

    @Test("a doubled request is no theft when all windows of its token were used up long ago")
    func doubledAfterTheWindows() throws {
        var chain = try Chain()
        for retry in 0..<7 { _ = try chain.successor(of: chain.first, at: Double(retry) * 60.1) }
        let held = try chain.successor(of: chain.first, at: 1_000)
        _ = try chain.use(held, at: 1_000.2)
        #expect(try chain.refresh(chain.first, at: 1_001) == .tooLate)
        _ = try chain.successor(of: held, at: 1_002)
    }

    @Test("flaw F7: the generation after a shared one is shortened where a driver of 5.6 rotates twice in a step")
    func bothRulesAfterSharing() throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        _ = try chain.successor(of: chain.first, at: 1)
        var used = chain
        #expect(try chain.successor(of: held, at: 3_600, .atOnce).isShortened)
        _ = try used.use(held, at: 2)
        #expect(try used.successor(of: held, at: 3_600, .atOnce).isShortened)
    }

    @Test("at CDI 5.6 two generations after a shared one are shortened, and then they are whole")
    func shortenedAtOnce() throws {
        var chain = try Chain { $0.rotation = .atOnce }
        var held = try chain.successor(of: chain.first, at: 0)
        _ = try chain.successor(of: chain.first, at: 1)
        var found: [Bool] = []
        for period in 1...4 {
            held = try chain.successor(of: held, at: Double(3_600 * period))
            found.append(held.isShortened)
        }
        #expect(found == [true, true, false, false])
    }

    @Test("a successor of ours that another core made current is given again, not replaced")
    func ourSuccessorElsewhere() throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        chain.rotateElsewhere(at: 1, to: held)
        var older = chain
        #expect(try older.refresh(chain.first, at: 1.5) == .tooLate, "a grace period is CDI 5.6's")
        #expect(try chain.successor(of: chain.first, at: 2, .atOnce) == held)
        _ = try chain.successor(of: held, at: 3)
    }

    @Test("flaw F13: after two rotations the first token is nobody's predecessor")
    func twoRotations() throws {
        var chain = try Chain()
        let one = try chain.successor(of: chain.first, at: 0)
        let two = try chain.successor(of: one, at: 1)
        _ = try chain.use(two, at: 2)
        #expect(try chain.refresh(chain.first, at: 3) == .reuse(.stale))
    }

    @Test("flaw F14: another successor of the predecessor is reuse at once, even within the window")
    func orphans() throws {
        var chain = try Chain { $0.sharingWindow = .seconds(10) }
        let one = try chain.successor(of: chain.first, at: 0)
        let two = try chain.successor(of: chain.first, at: 10.001)
        _ = try chain.use(two, at: 10.1)
        #expect(try chain.refresh(one, at: 10.2) == .reuse(.orphan))
    }

    @Test("flaw F8: what replaces a shortened access token at its first use does not outlive it")
    func firstUse() throws {
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        let shortened = try chain.successor(of: chain.first, at: 1)
        guard case .renew(_, .unchanged) = try chain.use(shortened, at: 2) else {
            Issue.record("a shortened token is given its whole life back")
            return
        }
    }

    @Test("flaw F8: a whole access token whose refresh token was shared meanwhile is shortened at its first use")
    func firstUseOfShared() throws {
        var chain = try Chain()
        let whole = try chain.successor(of: chain.first, at: 0)
        _ = try chain.successor(of: chain.first, at: 1)
        guard case .renew(_, .shortened) = try chain.use(whole, at: 2) else {
            Issue.record("the holder of the first token knows when the owner comes again")
            return
        }
    }

    @Test("flaw F10: what another core made current voids the state, and its predecessor is refused softly, then reuse")
    func otherCore() throws {
        var chain = try Chain()
        _ = try chain.successor(of: chain.first, at: 0)
        chain.rotateElsewhere(at: 1)
        #expect(try chain.refresh(chain.first, at: 2) == .tooLate, "the window was the other token's")
        #expect(try chain.refresh(chain.first, at: 121.001) == .reuse(.previous))
    }

    @Test(
        "at CDI 5.6 another core's rotation keeps its grace period: the caller takes its successor's place, once for all"
    )
    func otherCoreAtOnce() throws {
        var chain = try Chain { $0.rotation = .atOnce }
        chain.rotateElsewhere(at: 0)
        let held = try chain.successor(of: chain.first, at: 1)
        #expect(try chain.successor(of: chain.first, at: 30) == held)
        #expect(try chain.refresh(chain.first, at: 31) == .tooLate)
        _ = try chain.successor(of: held, at: 32)
    }

    @Test(
        "flaw F11: a clock that is set back by an hour closes no window and opens none",
        arguments: [-3_600, -1] as [Double])
    func clockSetBack(seconds: Double) throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        #expect(try chain.successor(of: chain.first, at: seconds) == held)
        _ = try chain.use(held, at: seconds)
        #expect(try chain.successor(of: chain.first, at: seconds) == held)
    }

    @Test("with the window and the silence at 0 a superseded token is theft at once, as it was in cores before 5.6")
    func strict() throws {
        var chain = try Chain { ($0.sharingWindow, $0.silence) = (Milliseconds(0), Milliseconds(0)) }
        let held = try chain.successor(of: chain.first, at: 0)
        _ = try chain.use(held, at: 0)
        #expect(try chain.refresh(chain.first, at: 0) == .reuse(.previous))
    }

    @Test("finding R7: a slow request that arrives after another tab's reply was used is given the same token")
    func slowTab() throws {
        var chain = try Chain()
        let fast = try chain.successor(of: chain.first, at: 0.1)
        _ = try chain.use(fast, at: 0.4)
        #expect(try chain.successor(of: chain.first, at: 29) == fast)
    }

    @Test("at CDI 5.6 a repeat within the grace period marks the session shared, and both rules agree on the successor")
    func atOnce() throws {
        var chain = try Chain { $0.rotation = .atOnce }
        let held = try chain.successor(of: chain.first, at: 0)
        #expect(try chain.successor(of: chain.first, at: 29, .atFirstUse) == held)
        let repeated = try chain.successor(of: chain.first, at: 30)
        #expect(repeated == held && repeated.isShortened && !held.isShortened)
        #expect(try chain.refresh(chain.first, at: 30.001) == .tooLate)
        #expect(try chain.successor(of: held, at: 3_600).isShortened)
    }

    @Test("a 5.6 refresh within an older driver's window rotates to that window's successor")
    func bothRules() throws {
        var chain = try Chain()
        let older = try chain.successor(of: chain.first, at: 0)
        let newer = try chain.successor(of: chain.first, at: 20, .atOnce)
        #expect(newer == older && newer.isShortened)
        #expect(
            try chain.successor(of: chain.first, at: 50, .atOnce) == older, "its own grace period counts from itself")
        #expect(try chain.refresh(chain.first, at: 50.001, .atOnce) == .tooLate)
    }

    @Test("a refresh writes once, a repeat once, a first use once")
    func cost() throws {
        var chain = try Chain()
        let held = try chain.successor(of: chain.first, at: 0)
        #expect(chain.writes == 1)
        _ = try chain.use(held, at: 1)
        #expect(chain.writes == 2)
        _ = try chain.use(held, at: 2)
        #expect(chain.writes == 2)
        let next = try chain.successor(of: held, at: 3_600)
        #expect(chain.writes == 3)
        _ = try chain.successor(of: next, at: 3_601)
        #expect(chain.writes == 4, "a first use and an opening are one write")
    }
}
