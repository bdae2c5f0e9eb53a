import SessionEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Timestamp {
    /// The time for people, by RFC 3339; a time beyond the years of that, as a number of milliseconds.
    var rfc3339: String {
        // From the year 0 to 9999.
        guard (-62_167_219_200_000...253_402_300_799_999).contains(milliseconds) else { return "\(milliseconds) ms" }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
