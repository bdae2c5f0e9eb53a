/// Whether a request may act with the cookies that came with it, by what its browser says (docs/specification/security.md B01).
package enum OriginRule {
    /// The methods that only read (RFC 9110 section 9.2.1).
    package static let safeMethods: Set = ["GET", "HEAD", "OPTIONS", "TRACE"]

    /// Whether a request may act: it comes from the same origin or from one that is trusted, or it is from no browser.
    ///
    /// - Parameters:
    ///   - site: the field `Sec-Fetch-Site`.
    ///   - origin: the field `Origin`.
    ///   - isTrusted: whether pages of an origin, in lowercase, may act.
    package static func mayAct<Problem: Error>(
        site: String?, origin: String?, isTrusted: (String) throws(Problem) -> Bool
    ) throws(Problem) -> Bool {
        if site == "same-origin" || site == "none" { return true }
        guard let origin else { return site == nil }
        return try isTrusted(origin.lowercased())
    }
}
