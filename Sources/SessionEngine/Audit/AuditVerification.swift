/// The first place at which an audit log is not what its chain says.
public struct AuditFault: Error, Sendable, Equatable {
    /// The page of the chain.
    public let page: Int64
    /// The entry, where one can be named.
    public let sequence: Int64?
    /// What is wrong, as a sentence without its full stop.
    public let text: String
}

/// The verification of an app's audit log, page by page from the oldest.
///
/// It holds no more than one page, and reads nothing itself.
public struct AuditVerification: Sendable {
    private let app: AppID
    /// The newest page that is as it should be.
    public private(set) var head: AuditPage?
    /// The oldest page; those before it were trimmed.
    public private(set) var firstPage: AuditPage?
    /// The time of the first and of the last chained entry, in milliseconds since 1970.
    public private(set) var times: (first: Int64, last: Int64)?
    /// How many pages are as they should be.
    public private(set) var pageCount: Int64 = 0
    /// How many entries are in them.
    public private(set) var entryCount: Int64 = 0
    private let wanted: String?
    /// Whether a hash that was noted before is the one of a page.
    public private(set) var hasFoundHead: Bool

    /// Begins before the oldest page.
    ///
    /// - Parameters:
    ///   - app: whose audit log.
    ///   - noted: the hash of a page that was noted elsewhere, to be looked for; `nil` for none.
    public init(of app: AppID, noted: String? = nil) {
        self.app = app
        wanted = noted
        hasFoundHead = noted == nil
    }

    /// The number after which the next page's entries begin.
    public var lastSequence: Int64 { head?.last ?? .min }

    /// How many entries of a page have to be read: one more than it may have, to notice one that was inserted.
    public static let entriesToRead = AuditPage.largestCount + 1

    /// Verifies the next page.
    ///
    /// - Parameters:
    ///   - page: the page.
    ///   - found: the entries after ``lastSequence``, the oldest first, up to ``entriesToRead``; those after the page's last
    ///     are ignored.
    /// - Throws: ``AuditFault``.
    public mutating func check(_ page: AuditPage, _ found: [ChainedEntry]) throws(AuditFault) {
        try checkPlace(of: page)
        let entries = found.filter { $0.sequence <= page.last }
        try check(entries, of: page)
        guard page.hash == page.expectedHash(of: app) else { throw fault(page, nil, "the page itself was changed") }
        if let first = entries.first, let last = entries.last {
            times = (times?.first ?? first.time, last.time)
        }
        if page.hash == wanted || page.previous == wanted { hasFoundHead = true }
        firstPage = firstPage ?? page
        head = page
        pageCount &+= 1
        entryCount &+= Int64(entries.count)
    }

    private func checkPlace(of page: AuditPage) throws(AuditFault) {
        guard let head else {
            // What comes before the oldest page was trimmed; before the first page of all there is nothing.
            if page.number == 1, page.previous != AuditChain.start {
                throw fault(page, nil, "the first page names a page before it")
            }
            return
        }
        guard page.number == head.number &+ 1 else {
            throw fault(page, nil, "it comes after page \(head.number): what was between them was removed")
        }
        guard page.previous == head.hash else {
            throw fault(page, nil, "it does not continue page \(head.number): one of both was changed")
        }
    }

    private func check(_ entries: [ChainedEntry], of page: AuditPage) throws(AuditFault) {
        let marks = AuditChain.marks(page.marks)
        var hashes: [String] = []
        for (index, entry) in entries.enumerated() {
            let hash = entry.hash(of: app)
            guard let hash, index < marks.count, AuditChain.mark(hash) == marks[index] else {
                throw difference(at: index, entries, marks.count, page)
            }
            hashes.append(hash)
        }
        guard hashes.count == marks.count, Int64(hashes.count) == page.count else {
            throw difference(at: hashes.count, entries, marks.count, page)
        }
        guard AuditChain.hash("tessera audit entries 1", hashes) == page.entriesHash,
            entries.first?.sequence == page.first, entries.last?.sequence == page.last
        else { throw fault(page, nil, "an entry of the page was changed") }
    }

    /// What the first entry that is not as it was says: with as many entries as there were it was changed.
    private func difference(
        at index: Int, _ entries: [ChainedEntry], _ expected: Int, _ page: AuditPage
    ) -> AuditFault {
        let sequence = index < entries.count ? entries[index].sequence : nil
        let before = index > 0 ? "after entry \(entries[index - 1].sequence)" : "at the beginning of the page"
        if entries.count < expected { return fault(page, sequence, "an entry was removed \(before)") }
        if entries.count > expected { return fault(page, sequence, "an entry was inserted \(before)") }
        return fault(page, sequence, "the entry was changed")
    }

    private func fault(_ page: AuditPage, _ sequence: Int64?, _ text: String) -> AuditFault {
        AuditFault(page: page.number, sequence: sequence, text: text)
    }
}
