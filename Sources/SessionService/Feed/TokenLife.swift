import Foundations
import SessionEngine

/// The longest life of an access token that may still be in use: when an operator makes it shorter, tokens of the longer
/// life live on for as long as that.
struct TokenLife: Equatable {
    /// The longest life.
    var life: Milliseconds
    /// Until when it is longer than the configured one; `nil` while it is the configured one.
    var until: Timestamp?

    init(_ life: Milliseconds, until: Timestamp? = nil) { (self.life, self.until) = (life, until) }

    /// Reads what is stored: the life, and the end of it if there is one, in milliseconds.
    init?(_ text: String) {
        let parts = text.split(separator: " ").map { Int64($0) }
        guard (1...2).contains(parts.count), let life = parts[0], life >= 0 else { return nil }
        self.init(Milliseconds(life))
        guard parts.count == 2 else { return }
        guard let end = parts[1] else { return nil }
        until = Timestamp(milliseconds: end)
    }

    var text: String { until.map { "\(life.count) \($0.milliseconds)" } ?? "\(life.count)" }

    /// What holds from now on.
    ///
    /// - Parameters:
    ///   - configured: the life that is configured now.
    ///   - now: the time.
    func followed(by configured: Milliseconds, at now: Timestamp) -> TokenLife {
        if configured >= life { return TokenLife(configured) }
        guard let until else { return TokenLife(life, until: now + life) }
        return until <= now ? TokenLife(configured) : self
    }
}
