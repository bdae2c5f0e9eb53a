/// Dates as cookies and header fields carry them (RFC 9110 section 5.6.7).
package enum HTTPDate {
    /// The last millisecond that four digits of a year can express.
    private static let last: Int64 = 253_402_300_799_999

    /// A date such as `Thu, 01 Jan 1970 00:00:00 GMT`; times before 1970 and after 9999 are moved to these ends.
    package static func text(_ time: Timestamp) -> String {
        let date = CivilTime(milliseconds: min(max(time.milliseconds, 0), last))
        return "\(date.dayName), \(CivilTime.padded(date.day)) \(date.monthName) \(CivilTime.padded(date.year, 4)) "
            + "\(date.timeOfDay) GMT"
    }

    /// Reads a date in the form in which servers send it; `nil` for the obsolete forms and for anything else.
    package static func parse(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT",
            let month = CivilTime.monthNames.firstIndex(of: String(parts[2]))
        else { return nil }
        return RFC3339.parse("\(parts[3])-\(CivilTime.padded(Int64(month) + 1))-\(parts[1])T\(parts[4])Z")
    }
}
