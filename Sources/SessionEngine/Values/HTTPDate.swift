/// Dates as cookies and header fields carry them (RFC 9110 section 5.6.7).
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// The last second that four digits of a year can tell.
    private static let lastSecond: Int64 = 253_402_300_799

    /// A date such as `Thu, 01 Jan 1970 00:00:00 GMT`; times before 1970 and after 9999 are moved to these ends.
    package static func text(_ time: Timestamp) -> String {
        let seconds = min(max(time.wholeSeconds, 0), lastSecond)
        let (day, second) = (Int(seconds / 86_400), Int(seconds % 86_400))
        let date = civil(day)
        return "\(days[day % 7]), \(pad(date.day)) \(months[date.month - 1]) \(pad(date.year, 4)) "
            + "\(pad(second / 3_600)):\(pad(second / 60 % 60)):\(pad(second % 60)) GMT"
    }

    /// The Gregorian date of a day counted from 1970, by eras of 400 years that begin in March.
    private static func civil(_ daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = daysSince1970 + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func pad(_ number: Int, _ width: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
