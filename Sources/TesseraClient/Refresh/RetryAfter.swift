import Foundations
import HTTPTypes

/// The `Retry-After` of a response (RFC 9110 section 10.2.3).
enum RetryAfter {
    /// The longest that is waited for: a server that says more is asked again then.
    static let most: Int64 = 300

    /// How long to wait; a date is compared with the server's own, so that the client's clock plays no part.
    static func duration(_ fields: HTTPFields) -> Duration? {
        guard let text = fields[.retryAfter] else { return nil }
        if let seconds = Int64(text.trimmed(\.isWhitespace)), seconds >= 0 { return .seconds(min(seconds, most)) }
        guard let date = HTTPDate.parse(text), let now = fields[.date].flatMap(HTTPDate.parse) else { return nil }
        return .seconds(min(max(0, (date - now).count / 1_000), most))
    }
}
