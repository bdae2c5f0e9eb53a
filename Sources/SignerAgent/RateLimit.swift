import Foundations

/// Allows a number of events a second, and as many at once.
struct RateLimit {
    private let rate: Double
    private var left: Double
    private var last: MonotonicTime

    init(perSecond rate: Int, at now: MonotonicTime) {
        self.rate = Double(rate)
        left = self.rate
        last = now
    }

    /// How much of what is wanted is allowed.
    mutating func take(_ wanted: Int, at now: MonotonicTime) -> Int {
        if now > last {
            left = min(rate, left + rate * Double((now - last).inNanoseconds) / 1e9)
            last = now
        }
        let taken = min(wanted, Int(left))
        left -= Double(taken)
        return taken
    }
}
