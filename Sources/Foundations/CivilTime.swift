/// A moment by the Gregorian calendar in UTC, for formats that no library writes as the wire wants them.
package struct CivilTime: Equatable {
    package let year: Int64
    /// 1 for January.
    package let month: Int64
    package let day: Int64
    package let hour: Int64
    package let minute: Int64
    package let second: Int64
    package let millisecond: Int64
    private let daysSince1970: Int64

    /// The moment that is so many milliseconds after 1970; fewer than none is before.
    package init(milliseconds: Int64) {
        let seconds = Self.divided(milliseconds, by: 1_000)
        let minutes = Self.divided(seconds.quotient, by: 60)
        let hours = Self.divided(minutes.quotient, by: 60)
        let days = Self.divided(hours.quotient, by: 24)
        (millisecond, second, minute, hour) = (
            seconds.remainder, minutes.remainder, hours.remainder, days.remainder
        )
        (year, month, day) = Self.date(days.quotient)
        daysSince1970 = days.quotient
    }

    /// Such as `Nov`.
    package var monthName: String { Self.monthNames[Int(month - 1)] }
    /// Such as `Mon`.
    package var dayName: String { Self.dayNames[Int(Self.divided(daysSince1970, by: 7).remainder)] }

    static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// 1 January 1970 was a Thursday.
    private static let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// The day of the Gregorian calendar that is the given number of days after 1 January 1970.
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

    /// A number with zeros before it.
    package static func padded(_ number: Int64, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The time of day, such as `17:31:14`.
    package var timeOfDay: String { [hour, minute, second].map { Self.padded($0) }.joined(separator: ":") }
}
