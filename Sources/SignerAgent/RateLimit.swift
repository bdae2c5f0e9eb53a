import Foundations

/// Allows a number of events a second, and a number at once.
struct RateLimit {
    private let rate: Double
    private let most: Double
    private var left: Double
    private var last: MonotonicTime

    init(perSecond rate: Int, atOnce most: Int, at now: MonotonicTime) {
        (self.rate, self.most) = (Double(rate), Double(most))
        left = self.most
        last = now
    }

    /// How much of what is wanted is allowed.
    mutating func take(_ wanted: Int, at now: MonotonicTime) -> Int {
        if now > last {
            left = min(most, left + rate * Double((now - last).inNanoseconds) / 1e9)
            last = now
        }
        let taken = min(wanted, Int(left))
        left -= Double(taken)
        return taken
    }
}
