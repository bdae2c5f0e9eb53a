import Foundations

/// A time as log lines have it, always in UTC.
struct LogTime {
    let milliseconds: Int64

    /// As SuperTokens' core writes it: `23 Nov 2026 17:31:14:726 +0000`.
    var text: String {
        let time = CivilTime(milliseconds: milliseconds)
        return "\(CivilTime.padded(time.day)) \(time.monthName) \(CivilTime.padded(time.year, 4)) "
            + "\(time.timeOfDay):\(CivilTime.padded(time.millisecond, 3)) +0000"
    }

    /// As RFC 3339 writes it: `2026-11-23T17:31:14.726Z`.
    var rfc3339: String {
        let time = CivilTime(milliseconds: milliseconds)
        return "\(CivilTime.padded(time.year, 4))-\(CivilTime.padded(time.month))-\(CivilTime.padded(time.day))T"
            + "\(time.timeOfDay).\(CivilTime.padded(time.millisecond, 3))Z"
    }
}
