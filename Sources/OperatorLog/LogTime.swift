import Foundations

/// A time as log lines have it, always in UTC: `23 Nov 2026 17:31:14:726 +0000`.
struct LogTime {
    let milliseconds: Int64

    var text: String {
        let time = CivilTime(milliseconds: milliseconds)
        return "\(CivilTime.padded(time.day)) \(time.monthName) \(CivilTime.padded(time.year, 4)) "
            + "\(time.timeOfDay):\(CivilTime.padded(time.millisecond, 3)) +0000"
    }
}
