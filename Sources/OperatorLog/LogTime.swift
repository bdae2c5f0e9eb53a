/// A time as log lines have it, always in UTC: `23 Nov 2026 17:31:14:726 +0000`.
struct LogTime {
    let milliseconds: Int64

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    var text: String {
        let seconds = Self.divided(milliseconds, by: 1_000)
        let minutes = Self.divided(seconds.quotient, by: 60)
        let hours = Self.divided(minutes.quotient, by: 60)
        let days = Self.divided(hours.quotient, by: 24)
        let (year, month, day) = Self.date(days.quotient)
        let time = [days.remainder, hours.remainder, minutes.remainder].map { Self.padded($0, 2) }
        return "\(Self.padded(day, 2)) \(Self.months[Int(month - 1)]) \(Self.padded(year, 4)) "
            + time.joined(separator: ":") + ":\(Self.padded(seconds.remainder, 3)) +0000"
    }

    /// The day of the Gregorian calendar that is so many days after 1 January 1970.
    ///
    /// Years begin in March here, so that the leap day is their last (Richards' algorithm, by eras of 400 years).
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
    }

    /// A division whose remainder is never negative.
    private static func divided(_ number: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ number: Int64, _ length: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, length - digits.count)) + digits
    }
}
