import SessionEngine
import Testing

/// The chain over the audit log: every change of an entry or a page that is possible is noticed, at its place.
@Suite("The chain of the audit log (finding E7)")
struct AuditChainTests {
    private static let app = AppID("shop")
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)

    private static func entry(_ number: Int64) -> ChainedEntry {
        ChainedEntry(
            sequence: number * 3, time: 1_000 + number, event: "revoked", handle: "h\(number)", tenant: "public",
            actor: "driver", means: "handle", details: "{}", user: .known("u\(number % 2)", salt: "salt\(number % 2)"))
    }

    private static func log() throws -> (entries: [ChainedEntry], pages: [AuditPage]) {
        let entries = (1...9).map { entry($0) }
        var pages: [AuditPage] = []
        for part in [entries[0..<4], entries[4..<5], entries[5..<9]] {
            pages.append(try #require(AuditPage(of: app, Array(part), after: pages.last, at: now)))
        }
        return (entries, pages)
    }

    /// The first fault, as its page and its entry.
    private static func fault(_ entries: [ChainedEntry], _ pages: [AuditPage]) -> AuditFault? {
        var verification = AuditVerification(of: app)
        for page in pages {
            let next = entries.filter { $0.sequence > verification.lastSequence }
            do throws(AuditFault) {
                try verification.check(page, Array(next.prefix(AuditVerification.entriesToRead)))
            } catch {
                return error
            }
        }
        return nil
    }

    @Test("finding E7: a log that nobody touched verifies, and says what was verified")
    func whole() throws {
        let (entries, pages) = try Self.log()
        #expect(Self.fault(entries, pages) == nil)
        #expect(Self.fault(entries, Array(pages.dropFirst())) != nil, "entries before the oldest page")
        #expect(Self.fault(Array(entries.dropFirst(4)), Array(pages.dropFirst())) == nil, "trimmed by whole pages")
    }

    @Test(
        "finding E7: each member of each entry is covered, and the fault names page and entry", arguments: 0..<9)
    func changed(_ index: Int) throws {
        let (entries, pages) = try Self.log()
        let changes: [(inout ChainedEntry) -> Void] = [
            { $0.time += 1 }, { $0.event = "created" }, { $0.handle = "x" }, { $0.tenant = nil }, { $0.actor = "core" },
            { $0.actor = nil }, { $0.means = "all" }, { $0.details = "{} " },
            { $0.user = .known("other", salt: "salt0") },
            { $0.user = .none }, { $0.user = .known("u1", salt: nil) },
            { $0.user = .erased("erased-1", digest: AuditChain.userDigest("u1", salt: "salt1")) },
        ]
        for (number, change) in changes.enumerated() {
            var changed = entries
            change(&changed[index])
            let fault = Self.fault(changed, pages)
            #expect(fault?.sequence == entries[index].sequence && fault?.text == "the entry was changed", "\(number)")
            #expect(fault?.page == (index < 4 ? 1 : index < 5 ? 2 : 3))
        }
    }

    @Test("finding E7: an entry that was removed or inserted is noticed, wherever", arguments: 0..<9)
    func removed(_ index: Int) throws {
        let (entries, pages) = try Self.log()
        var fewer = entries
        fewer.remove(at: index)
        #expect(Self.fault(fewer, pages)?.text.hasPrefix("an entry was removed") == true)
        var more = entries
        var new = Self.entry(Int64(index) + 1)
        new.sequence -= 1
        more.insert(new, at: index)
        #expect(Self.fault(more, pages)?.text.hasPrefix("an entry was inserted") == true)
        var moved = entries
        moved[index].sequence += 1
        #expect(Self.fault(moved, pages) != nil)
    }

    @Test("finding E7: a page that was removed, changed or made anew is noticed")
    func pages() throws {
        let (entries, pages) = try Self.log()
        #expect(Self.fault(entries, [pages[0], pages[2]])?.page == 3)
        #expect(Self.fault(entries, [pages[1], pages[0], pages[2]]) != nil)
        let changes: [(inout AuditPage) -> Void] = [
            { $0.number += 1 }, { $0.first += 1 }, { $0.last -= 1 }, { $0.count += 1 }, { $0.count = .max },
            { $0.newestTime += 1 }, { $0.madeAt -= 1 }, { $0.marks = "" }, { $0.marks += "00000000" },
            { $0.entriesHash = "" }, { $0.previous = $0.hash }, { $0.hash = $0.previous }, { $0.number = .max },
            { $0.last = .max }, { $0.first = .min },
        ]
        for number in 0..<3 {
            for (index, change) in changes.enumerated() {
                var changed = pages
                change(&changed[number])
                #expect(Self.fault(entries, changed) != nil, "change \(index) of page \(number + 1)")
            }
        }
        var other = entries
        other[1].details = "{\"a\":1}"
        let anew = try #require(AuditPage(of: Self.app, Array(other[0..<4]), after: nil, at: Self.now))
        #expect(Self.fault(other, [anew, pages[1], pages[2]])?.page == 2, "the next page names the old one")
    }

    @Test("finding E7: a log that was made anew as a whole verifies, and a head that was noted elsewhere shows it")
    func notedHead() throws {
        let (entries, pages) = try Self.log()
        for page in pages {
            var verification = AuditVerification(of: Self.app, noted: page.hash)
            for page in pages {
                try verification.check(page, entries.filter { $0.sequence > verification.lastSequence })
            }
            #expect(verification.hasFoundHead)
        }
        let anew = try #require(AuditPage(of: Self.app, Array(entries.dropLast()), after: nil, at: Self.now))
        var verification = AuditVerification(of: Self.app, noted: pages[2].hash)
        try verification.check(anew, entries)
        #expect(!verification.hasFoundHead)
    }

    @Test("finding E7: erasing a user changes no hash")
    func erased() throws {
        var (entries, pages) = try Self.log()
        let digest = AuditChain.userDigest("u1", salt: "salt1")
        for index in entries.indices {
            if case .known("u1", _) = entries[index].user {
                entries[index].user = .erased(AuditChain.pseudonym(digest), digest: digest)
            }
        }
        #expect(Self.fault(entries, pages) == nil)
        pages[0] = try #require(AuditPage(of: Self.app, Array(entries[0..<4]), after: nil, at: Self.now))
        #expect(Self.fault(entries, pages) == nil, "chained after the erasure it is the same page")
    }

    @Test("finding E7: the hashes are what they were: recorded with another program")
    func vectors() throws {
        let digest = AuditChain.userDigest("alice", salt: "00ff")
        #expect(digest == "73a6e37c6d6cee7c01b7b4ac32054b99ddf6564028174a21d7d9188a9a13a8e7")
        #expect(AuditChain.pseudonym(digest) == "erased-73a6e37c6d6cee7c")
        let entry = ChainedEntry(
            sequence: 7, time: 1_700_000_000_000, event: "revoked", handle: "h", tenant: nil, actor: "user",
            means: "handle", details: "{}", user: .known("alice", salt: "00ff"))
        let page = try #require(AuditPage(of: .public, [entry], after: nil, at: Timestamp(milliseconds: 5)))
        #expect(page.marks == "1a385a01")
        #expect(page.entriesHash == "4314318917e22a964fde15819b96c5fa63267a8910deaf6f74c204813540fd01")
        #expect(page.hash == "c911b086fd4c506c90fd80985ef3d244ddad3595c3515b4b88243dbbe30ad60a")
    }
}
