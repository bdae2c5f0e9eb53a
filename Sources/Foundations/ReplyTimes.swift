/// What the fields of a response say about time.
package enum ReplyTimes {
    /// The seconds of `Cache-Control: max-age` (RFC 9111 section 5.2.2.1).
    package static func maxAge(_ values: [String]) -> Int64? {
        for part in values.flatMap({ $0.split(separator: ",") }) {
            let text = part.drop { $0 == " " }.lowercased()
            if text.hasPrefix("max-age=") { return Int64(text.dropFirst(8).prefix { $0.isNumber }) }
        }
        return nil
    }

    /// The seconds of a `Retry-After` (RFC 9110 section 10.2.3), which may be a date.
    ///
    /// - Parameters:
    ///   - text: the field's value.
    ///   - now: the server's own time, which a date is compared with; without one a date says nothing.
    package static func retryAfter(_ text: String, at now: Timestamp?) -> Int64? {
        let text = String(text.trimmed { $0 == " " || $0 == "\t" })
        if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Int64(text) ?? .max / 1_000
        }
        guard let date = HTTPDate.parse(text), let now else { return nil }
        return max((date - now).count / 1_000, 0)
    }
}
