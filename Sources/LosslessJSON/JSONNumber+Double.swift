extension JSONNumber {
    /// The shortest text that gives the same value again; an integer has no fraction, as in JavaScript.
    ///
    /// `nil` for what JSON has no text for: infinity, and what is not a number.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        if let whole = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 {
            self.init(whole)
        } else {
            self.init(validated: "\(value)")
        }
    }

    /// The nearest value, or infinity beyond all of them.
    public var double: Double { Double(text) ?? .nan }
}

extension JSONValue: ExpressibleByFloatLiteral {
    /// A number value; `null` for what JSON has no number for.
    public init(floatLiteral value: Double) { self = JSONNumber(value).map(JSONValue.number) ?? .null }
}
