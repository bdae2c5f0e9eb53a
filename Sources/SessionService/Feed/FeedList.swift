import Foundations
import SessionEngine
import SessionStorage

/// The ends of an app that matter to a verifier, in the order in which this core learned of them.
struct FeedList {
    /// The place of the oldest entry that is kept.
    private(set) var begin: Int64 = 0
    private var entries: [ListedEnd] = []
    /// How many at the beginning of `entries` are gone.
    private var gone = 0
    private var keys: [ListedEnd] = []
    private var known: Set<Int64> = []
    /// The newest number.
    private(set) var newest: Int64 = 0

    /// The place after the newest entry.
    var end: Int64 { begin.saturatingAdd(Int64(entries.count - gone)) }

    var count: Int { entries.count - gone }

    /// Adds what is not in the list.
    mutating func add(_ page: RevocationPage, life: Milliseconds, at now: MonotonicTime) {
        for record in page.records where !known.contains(record.sequence) {
            let entry = ListedEnd(record, life: life, readAt: page.time, now)
            newest = max(newest, entry.sequence)
            // A row that is read again after its entry was dropped is no news.
            guard entry.isKey || !entry.isOld(at: now) else { continue }
            known.insert(entry.sequence)
            entries.append(entry)
            if entry.isKey { keys.append(entry) }
        }
    }

    /// Drops the oldest entries that matter to no token any more.
    mutating func drop(at now: MonotonicTime) {
        while gone < entries.count, entries[gone].isOld(at: now) {
            // A key stays known: its row does.
            if !entries[gone].isKey { known.remove(entries[gone].sequence) }
            gone += 1
            begin = begin.saturatingAdd(1)
        }
        if gone > 4_096, gone > entries.count / 2 {
            entries.removeFirst(gone)
            gone = 0
        }
    }

    /// Up to `limit` entries from a place on.
    func entries(from place: Int64, limit: Int) -> ArraySlice<ListedEnd> {
        let offset = Int(clamping: min(max(place, begin), end) - begin)
        return entries.dropFirst(gone + offset).prefix(limit)
    }

    /// The keys, also those that are no news, the newest last; half an answer at most.
    func newestKeys(_ limit: Int) -> ArraySlice<ListedEnd> { keys.suffix(limit) }

    /// The place before which all entries have numbers up to this one.
    func place(after settled: Int64) -> Int64 {
        let kept = entries.dropFirst(gone)
        let index = kept.firstIndex { $0.sequence > settled } ?? kept.endIndex
        return begin.saturatingAdd(Int64(index - kept.startIndex))
    }

    /// The number of the entry that this many others follow; 0 where there are fewer.
    func number(before count: Int) -> Int64 {
        let kept = entries.dropFirst(gone)
        return kept.count > count ? kept[kept.endIndex - count - 1].sequence : 0
    }
}
