import Foundations

/// The newest numbers that were known at some times.
struct FeedMarks {
    private var marks: [(time: MonotonicTime, number: Int64)] = []

    /// How many rows before the newest may be on their way at the first reading: two seconds at 2,500 a second.
    static let rowsInFlight = 5_000

    mutating func begin(at time: MonotonicTime, _ number: Int64) { marks = [(time, number)] }

    mutating func note(_ number: Int64, at time: MonotonicTime) {
        marks.append((time, number))
        // The one before the last 30 s is kept.
        let recent = marks.firstIndex { time - $0.time < .seconds(30) } ?? marks.startIndex
        if recent > 64 { marks.removeFirst(recent - 1) }
    }

    /// What was the newest number so long ago; the first that is known where that is not long enough ago.
    func number(before time: MonotonicTime, by duration: Duration) -> Int64 {
        (marks.last { time - $0.time >= duration } ?? marks.first)?.number ?? 0
    }
}
