/// Dates with their time, as RFC 3339 writes them, between the years 0 and 9999.
package enum RFC3339 {
    /// Reads a date such as `2026-01-31T09:00:00Z` or `2026-01-31T10:00:00.250+01:00`; parts of a millisecond are dropped.
    ///
    /// - Returns: `nil` for anything else, and for days that are not in the calendar.
    package static func parse(_ text: String) -> Timestamp? {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("Tt "), let hour = reader.number(2), reader.take(":"),
            let minute = reader.number(2), reader.take(":"), let second = reader.number(2),
            (1...12).contains(month), day >= 1, day <= days(in: month, of: year), hour < 24, minute < 60, second <= 60
        else { return nil }
        let milliseconds = reader.take(".") ? reader.fraction() : 0
        guard let milliseconds, let offset = reader.offset(), reader.rest.isEmpty else { return nil }
        let days = daysSinceEpoch(year, month, day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60
        return Timestamp(milliseconds: Int64(seconds) * 1_000 + Int64(milliseconds))
    }

    private static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01, in years that begin in March, so that the day that some years lack is the last one.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = (month + 9) % 12
        let marches = year - (month <= 2 ? 1 : 0) + 400
        let leaps = marches / 4 - marches / 100 + marches / 400
        return marches * 365 + leaps + (153 * shifted + 2) / 5 + day - 1 - 719_468 - 146_097
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ characters: StaticString) -> Bool {
            let wanted = UnsafeBufferPointer(start: characters.utf8Start, count: characters.utf8CodeUnitCount)
            guard let first = rest.first, wanted.contains(first) else { return false }
            rest.removeFirst()
            return true
        }

        private mutating func digit() -> Int? {
            guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            rest.removeFirst()
            return Int(byte - UInt8(ascii: "0"))
        }

        mutating func number(_ length: Int) -> Int? {
            var number = 0
            for _ in 0..<length {
                guard let digit = digit() else { return nil }
                number = number * 10 + digit
            }
            return number
        }

        /// The digits behind a point, as milliseconds.
        mutating func fraction() -> Int? {
            guard var value = digit() else { return nil }
            var length = 1
            while let next = digit() {
                if length < 3 { value = value * 10 + next }
                length += 1
            }
            for _ in length..<max(length, 3) { value *= 10 }
            return value
        }

        /// The difference to UTC in minutes.
        mutating func offset() -> Int? {
            if take("Zz") { return 0 }
            let isNegative = rest.first == UInt8(ascii: "-")
            guard take("+-"), let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60
            else { return nil }
            return (isNegative ? -1 : 1) * (hours * 60 + minutes)
        }
    }
}
