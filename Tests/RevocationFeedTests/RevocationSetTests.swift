import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import RevocationFeed

extension SplitMix64 {
    mutating func upTo(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
}

/// What the set has to say, looked for in a list.
struct NaiveSet {
    var entries: [FeedEntry] = []

    func finding(of subject: FeedSubject) -> FeedFinding {
        for case .key(let id, _) in entries where id == subject.keyID { return .killedKey }
        guard let session = subject.session else { return .nothing }
        let digest = RevocationDigest(of: session)
        for case .session(digest, _, _) in entries { return .ended }
        let users = subject.users.map(RevocationDigest.init(of:))
        let tenant = RevocationDigest(of: subject.tenant)
        var times: [(Int64, RevocationDigest)] = []
        for case .user(let user, let only, let time, _) in entries
        where users.contains(user) && (only == nil || only == tenant) {
            times.append((time.milliseconds, user))
        }
        let issued = subject.issuedAt.milliseconds
        if times.contains(where: { issued < $0.0 - 10_000 }) { return .cutOff }
        let near = times.map(\.0).filter { issued <= $0 + 10_000 }
        return near.max().map { .unsure(cutOff: Timestamp(milliseconds: $0), until: Timestamp(milliseconds: 0)) }
            ?? .nothing
    }
}

extension FeedFinding {
    /// Without the time until which an answer holds.
    var withoutUntil: FeedFinding {
        if case .unsure(let cutOff, _) = self {
            .unsure(cutOff: cutOff, until: Timestamp(milliseconds: 0))
        } else {
            self
        }
    }
}

@Suite("Set of what ended")
struct RevocationSetTests {
    static let now = Timestamp(milliseconds: 1_764_282_000_000)

    static func entry(_ random: inout SplitMix64) -> FeedEntry {
        let time = now + Milliseconds(Int64(random.upTo(60_000)) - 30_000)
        let until = now + Milliseconds(Int64(1 + random.upTo(100_000)))
        switch random.upTo(20) {
        case 0: return .key("k\(random.upTo(5))", at: time)
        case 1...9:
            let tenant = random.upTo(2) == 0 ? nil : RevocationDigest(of: "t\(random.upTo(3))")
            return .user(RevocationDigest(of: "u\(random.upTo(40))"), tenant: tenant, at: time, until: until)
        default: return .session(RevocationDigest(of: "s\(random.upTo(600))"), at: time, until: until)
        }
    }

    static func subject(_ random: inout SplitMix64) -> FeedSubject {
        FeedSubject(
            keyID: random.upTo(10) == 0 ? nil : "k\(random.upTo(30))",
            session: random.upTo(10) == 0 ? nil : "s\(random.upTo(1_200))",
            users: (0...random.upTo(2)).map { _ in "u\(random.upTo(80))" }, tenant: "t\(random.upTo(4))",
            issuedAt: Timestamp(milliseconds: (now.wholeSeconds + Int64(random.upTo(60)) - 30) * 1_000))
    }

    @Test("says what a list says, whatever the order, the repetition and the pages", arguments: 0..<40)
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let set = RevocationSet()
        var naive = NaiveSet()
        for _ in 0..<12 {
            var page = (0..<random.upTo(60)).map { _ in Self.entry(&random) }
            naive.entries += page
            page += (0..<min(10, naive.entries.count)).map { _ in naive.entries[random.upTo(naive.entries.count)] }
            page.shuffle(using: &random)
            set.add(page, at: Self.now)
            set.sweep(random.upTo(1_000), at: Self.now)
            for _ in 0..<100 {
                let subject = Self.subject(&random)
                #expect(set.finding(of: subject).withoutUntil == naive.finding(of: subject), "seed \(seed)")
            }
        }
    }

    @Test("entries leave when they matter no more, and not before", arguments: 0..<10)
    func sweeping(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let set = RevocationSet()
        let entries = (0..<500).map { _ in Self.entry(&random) }
        set.add(entries, at: Self.now)
        for step in [1, 20_000, 50_000, 99_999, 100_001] {
            let now = Self.now + Milliseconds(Int64(step))
            for shard in 0..<256 { set.sweep(shard, at: now) }
            var alive: [String: Timestamp] = [:]
            for entry in entries {
                let name: String
                switch entry {
                case .session(let digest, _, _): name = digest.text
                case .user(let digest, let tenant, _, _): name = "\(digest.text) \(tenant?.text ?? "")"
                case .key(let id, _): name = id
                }
                alive[name] = max(
                    alive[name] ?? entry.until ?? .init(milliseconds: .max), entry.until ?? .init(milliseconds: .max))
            }
            #expect(set.count == alive.values.count { $0 > now }, "seed \(seed), \(step) ms")
            for case .session(let digest, _, _) in entries where alive[digest.text].map({ $0 > now }) ?? false {
                #expect(set.hasEnded(digest))
            }
        }
        set.add(entries, at: Self.now + Milliseconds(200_000))
        #expect(set.count == Set(entries.filter { $0.until == nil }.map { $0.object["v"] }).count)
    }

    @Test("says which keys are new to it, and names its 256 parts by the first byte")
    func keysAndShards() {
        let set = RevocationSet()
        #expect(!set.hasKilled("a") && set.count == 0)
        #expect(
            set.add([.key("a", at: Self.now), .key("b", at: Self.now), .key("a", at: Self.now)], at: Self.now) == [
                "a", "b",
            ])
        #expect(set.add([.key("a", at: Self.now)], at: Self.now) == [])
        #expect(set.hasKilled("a") && !set.hasKilled("c"))
        let digests = [UInt64(0), 1, 255].flatMap { byte in
            [0, 1, UInt64.max >> 8].map { RevocationDigest(high: byte << 56 | $0, low: $0) }
        }
        set.add(digests.map { .session($0, at: Self.now, until: Self.now + .seconds(1)) }, at: Self.now)
        for digest in digests { #expect(set.hasEnded(digest)) }
        #expect(!set.hasEnded(RevocationDigest(high: 2, low: 0)))
        #expect(digests.map(\.shard) == [0, 0, 0, 1, 1, 1, 255, 255, 255])
    }

    @Test("times at the ends of 64 bits trap nothing")
    func extremes() {
        let set = RevocationSet()
        let user = RevocationDigest(of: "u")
        for time in [Int64.min, 0, .max] {
            set.add(
                [.user(user, tenant: nil, at: Timestamp(milliseconds: time), until: Timestamp(milliseconds: .max))],
                at: Timestamp(milliseconds: .min))
            for issued in [Int64.min, 0, .max] {
                _ = set.finding(
                    of: FeedSubject(
                        keyID: nil, session: "s", users: ["u"], tenant: "t", issuedAt: Timestamp(milliseconds: issued)))
            }
        }
        #expect(set.count == 1)
    }
}
