import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

/// What a restored copy makes of tokens that are newer than it (docs/decisions/0019, "Restore").
@Suite("Restore")
struct RestoreTests {
    static let rotations: [Refresh.Rotation] = [.atFirstUse, .atOnce]

    /// Rotates and uses each token, as a client does.
    private func rotate(_ chain: inout Chain, _ held: Chain.Held, times: Int, from hour: Int = 1) throws -> Chain.Held {
        var held = held
        for number in 0..<times {
            held = try chain.successor(of: held, at: Double(3_600 * (hour + number)))
            if chain.rules.rotation == .atFirstUse { _ = try chain.use(held, at: Double(3_600 * (hour + number)) + 1) }
        }
        return held
    }

    @Test(
        "finding R2: a token that is newer than the restored session is adopted, whatever went on since",
        arguments: rotations,
        [0, 1, 2, 5, 50])
    func adopted(rotation: Refresh.Rotation, times: Int) throws {
        var chain = try Chain { $0.rotation = rotation }
        let before = try rotate(&chain, chain.first, times: 3)
        let copy = chain
        let newest = try rotate(&chain, before, times: times, from: 4)
        chain.restore(copy, number: 1)
        let next = try chain.successor(of: newest, at: 1_000_000)
        #expect(!chain.events.contains { $0.name == .reuseDetected })
        let restored = chain.events.filter { $0.details["restored"] == true }
        #expect(restored.count == (times < 2 ? 0 : 1), "adopted once, and noted")
        _ = try rotate(&chain, next, times: 4, from: 300)
        #expect(chain.record?.rotationCount.restoreNumber == 1)
    }

    @Test(
        "finding R2: a folder that is put back in silence ends the session and accuses nobody", arguments: rotations,
        [2, 5, 50])
    func silent(rotation: Refresh.Rotation, times: Int) throws {
        var chain = try Chain { $0.rotation = rotation }
        let copy = chain
        let newest = try rotate(&chain, chain.first, times: times)
        chain.restore(copy, number: 0)
        #expect(try chain.refresh(newest, at: 1_000_000) == .newerThanSession)
        #expect(chain.record == nil)
        #expect(chain.events.last?.name == .revoked && chain.events.last?.means == .restore)
    }

    @Test("what was issued since the last restore is not adopted: then storage went back without a word")
    func sameNumber() throws {
        var chain = try Chain()
        let copy = chain
        chain.rules.restoreNumber = 1
        let newest = try rotate(&chain, chain.first, times: 3)
        chain.restore(copy, number: 1)
        #expect(try chain.refresh(newest, at: 1_000_000) == .newerThanSession)
    }

    @Test("what is adopted has no predecessor and a new life")
    func noPredecessor() throws {
        var chain = try Chain()
        let before = try rotate(&chain, chain.first, times: 2)
        let copy = chain
        let newest = try rotate(&chain, before, times: 5, from: 3)
        chain.restore(copy, number: 1)
        _ = try chain.successor(of: newest, at: 1_000_000)
        #expect(chain.record?.previousTokenHash == nil)
        #expect(chain.record?.currentTokenHash == TokenHash(of: newest.token).stored)
        #expect(chain.record?.expiresAt == Sample.now + .seconds(1_000_000) + Sample.validity, "its life begins anew")
    }

    @Test("sign-out after a restore is the operator's choice")
    func signOut() throws {
        var chain = try Chain { $0.afterRestore = .signOut }
        let copy = chain
        let newest = try rotate(&chain, chain.first, times: 2)
        chain.restore(copy, number: 1)
        #expect(try chain.refresh(newest, at: 1_000_000) == .newerThanSession)
    }

    @Test(
        "a retired copy that is adopted first ends the session when the owner comes, also at the owner's own past tokens"
    )
    func retiredCopy() throws {
        for stolenAt in 2...9 {
            var chain = try Chain()
            let copy = chain
            let stolen = try rotate(&chain, chain.first, times: stolenAt)
            let newest = try rotate(&chain, stolen, times: 10 - stolenAt, from: 100)
            chain.restore(copy, number: 1)
            var thief = try chain.successor(of: stolen, at: 1_000_000)
            // He does not walk along the owner's past: each successor is another one now.
            for step in 1...12 {
                thief = try chain.successor(of: thief, at: 1_000_000 + Double(3_600 * step))
                #expect(thief != newest)
            }
            guard stolen != newest else { continue }
            #expect(try chain.refresh(newest, at: 2_000_000) == .reuse(.stale), "stolen at \(stolenAt)")
        }
    }

    @Test("restored twice, the owner's token is adopted once each time")
    func twice() throws {
        var chain = try Chain()
        let copy = chain
        var newest = try rotate(&chain, chain.first, times: 5)
        for number in 1...3 as ClosedRange<UInt8> {
            chain.restore(copy, number: number)
            newest = try rotate(&chain, newest, times: 4, from: 100 * Int(number))
            #expect(chain.record?.rotationCount.restoreNumber == number)
        }
    }

    @Test("a token that does not tell its count is not accused after a restore, and its session ends")
    func unknown() throws {
        var chain = try Chain { $0.restoreNumber = 1 }
        chain.rules.restoreNumber = 2
        let content = Sample.content(parent: "somebody's")
        let token = try Chain.key.encrypt(content, initializationVector: .init(repeating: 3, count: 12))
        #expect(try chain.refresh(Chain.Held(token: token, isShortened: false), at: 1) == .newerThanSession)
    }

    @Test("without a restore, unknown tokens and older ones are reuse as ever")
    func ordinary() throws {
        var chain = try Chain { $0.restoreNumber = 7 }
        let token = try Chain.key.encrypt(
            Sample.content(parent: "somebody's"), initializationVector: .init(repeating: 3, count: 12))
        var copy = chain
        #expect(try copy.refresh(Chain.Held(token: token, isShortened: false), at: 1) == .reuse(.stale))
        let one = try rotate(&chain, chain.first, times: 1)
        _ = try rotate(&chain, one, times: 2, from: 2)
        #expect(try chain.refresh(chain.first, at: 99_999) == .reuse(.stale))
    }

    @Test(
        "a verification at CDI 5.6 asks for a refresh while the row is of an older number",
        arguments: [0, 1] as [UInt8])
    func verification(number: UInt8) {
        var record = Sample.record(current: "R5")
        (record.rotatedAt, record.rotationCount) = (Sample.now, 5)
        let rules = Verify.Rules(
            checksDatabase: true, terms: SessionTerms(validity: Sample.validity), rotation: .atOnce,
            restoreNumber: number)
        let newer = Sample.claims(.v5, token: "R9", issuedAt: Sample.now + .seconds(60))
        let older = Sample.claims(.v5, token: "R1", issuedAt: Sample.now + .seconds(-60))
        let outcome = Verify.decide(of: newer, against: record, at: Sample.now, rules: rules).outcome
        #expect(outcome == (number == 0 ? .superseded : .newerThanSession))
        #expect(Verify.decide(of: older, against: record, at: Sample.now, rules: rules).outcome == .superseded)
    }

    @Test("counts at the ends of 64 bits are read without a trap and stay in order")
    func extremes() {
        for value in [Int64.min, -1, 0, 1, 1 << 32, 1 << 40, .max] {
            let count = RotationCount(stored: value)
            #expect((0...(255 << 32)).contains(count.rawValue))
            for number in [0, 1, 254] as [UInt8] {
                #expect(count.successor(restoreNumber: number) >= count)
                #expect(count.successor(restoreNumber: number).restoreNumber >= number)
            }
        }
        #expect(RotationCount(restoreNumber: 3).successor(restoreNumber: 3).rotations == 1)
        let last = RotationCount(stored: (1 << 32) - 1)
        #expect(last.successor() == last, "rotations never run over into the restore number")
        #expect(RotationCount(stored: 5).successor(restoreNumber: 1) == RotationCount(restoreNumber: 1).successor())
    }

    @Test("a sharing state comes back as it was stored, and anything else is none")
    func stored() throws {
        let hash = Sample.hash("R0").stored
        let states = [
            SharingState(of: hash),
            SharingState(of: hash, window: .init(openedAt: Sample.now, number: 6), sharedAt: 9),
            SharingState(
                of: hash, issue: .init(window: nil, repeatsUntil: Sample.now), hasLatePredecessor: true),
        ]
        for state in states {
            #expect(SharingState(stored: state.stored) == state)
            for mutation in ByteMutations(of: state.stored).all {
                // It may become another state, and never a trap.
                _ = SharingState(stored: mutation.text)
            }
        }
        for text in [
            "x - - n - - 0 0", "", "-", "a b c d e f g", "x - - n - - 2", "x 1 256 - - - 0",
            String(repeating: " ", count: 6),
        ] {
            #expect(SharingState(stored: text) == nil, "\(text)")
        }
    }
}
