import Foundations

/// Lets one message a minute through about each subject and counts the others; how many subjects are known is bounded.
struct RepeatedEvents<Subject: Hashable & Sendable>: Sendable {
    /// What is to be said now.
    struct Report: Sendable, Equatable {
        /// About whom; `nil` for all who are too many to be known one by one.
        var subject: String?
        /// How often it has happened since the last report.
        var count: Int
    }

    private struct Entry {
        /// The name of the subject for readers.
        var name: String?
        var since: MonotonicTime
        var unsaid = 0
    }

    private let limit: Int
    private let interval: Duration
    private var entries: [Subject: Entry] = [:]
    /// All subjects for which there was no room.
    private var crowd: Entry?

    /// Has an entry for each of a number of subjects.
    ///
    /// - Parameters:
    ///   - limit: how many subjects are counted apart at one time.
    ///   - interval: the time between two reports about one of them.
    init(limit: Int = 256, interval: Duration = .seconds(60)) {
        self.limit = limit
        self.interval = interval
    }

    /// Counts an event; a report where one is due.
    mutating func note(_ subject: Subject, named name: @autoclosure () -> String?, at now: MonotonicTime) -> Report? {
        if var entry = entries[subject] {
            entry.unsaid += 1
            let report = due(&entry, at: now)
            entries[subject] = entry
            return report
        }
        if entries.count < limit {
            let entry = Entry(name: name(), since: now)
            entries[subject] = entry
            return Report(subject: entry.name, count: 1)
        }
        guard var entry = crowd else {
            crowd = Entry(name: nil, since: now)
            return Report(subject: nil, count: 1)
        }
        entry.unsaid += 1
        defer { crowd = entry }
        return due(&entry, at: now)
    }

    /// What was left unsaid for a whole interval; who was quiet for one is forgotten.
    ///
    /// To be asked now and then, so that a count is logged also where nothing more happens.
    mutating func due(at now: MonotonicTime) -> [Report] {
        var reports: [Report] = []
        for (subject, entry) in entries where isOver(entry, at: now) {
            var entry = entry
            if let report = due(&entry, at: now) { reports.append(report) }
            entries[subject] = entry.since == now ? entry : nil
        }
        if var entry = crowd, isOver(entry, at: now) {
            if let report = due(&entry, at: now) { reports.append(report) }
            crowd = entry.since == now ? entry : nil
        }
        return reports
    }

    private func isOver(_ entry: Entry, at now: MonotonicTime) -> Bool { now >= entry.since + interval }

    private func due(_ entry: inout Entry, at now: MonotonicTime) -> Report? {
        guard isOver(entry, at: now), entry.unsaid > 0 else { return nil }
        defer { (entry.since, entry.unsaid) = (now, 0) }
        return Report(subject: entry.name, count: entry.unsaid)
    }
}
