/// When a client may try to refresh again while that fails.
///
/// After a failure the next attempt waits for a random part of a growing span, never less than two seconds; after five in a
/// row for half a minute. A time that the server names is kept to.
struct RetryState: Sendable, Equatable {
    private(set) var failures = 0
    private(set) var gatewayRefusals = 0
    private(set) var lastError: ClientError?
    private var notBefore = Int64.min

    static let least: Int64 = 2_000
    static let base: Int64 = 500
    static let most: Int64 = 30_000
    static let limit = 5

    /// For how many milliseconds no attempt is made.
    func wait(at now: Int64) -> Int64 { notBefore > now ? notBefore &- now : 0 }

    /// Notes an attempt that may go better the next time.
    ///
    /// - Parameters:
    ///   - error: what callers get meanwhile.
    ///   - now: the steady clock.
    ///   - retryAfter: what the server asks for.
    ///   - random: 64 random bits.
    mutating func failed(_ error: ClientError, at now: Int64, retryAfter: Duration? = nil, random: UInt64) {
        failures = min(failures + 1, 1_000)
        if case .gatewayRefused = error {
            gatewayRefusals = min(gatewayRefusals + 1, 1_000)
            lastError = .gatewayRefused(inARow: gatewayRefusals)
        } else {
            gatewayRefusals = 0
            lastError = error
        }
        let span = min(Self.most, Self.base << Int64(min(failures, 10)))
        let part = Int64(random % UInt64(span + 1))
        let own = failures >= Self.limit ? Self.most : max(Self.least, part)
        let asked = retryAfter.map { $0.components.seconds * 1_000 } ?? 0
        notBefore = now &+ max(own, asked)
    }

    /// Notes tokens, or a verdict.
    mutating func succeeded() { self = RetryState() }

    /// What callers get while no attempt is made.
    func refusal(at now: Int64) -> ClientError {
        switch lastError {
        case .unavailable(let reason, _)?: .unavailable(reason, retryAfter: .milliseconds(wait(at: now)))
        case let error?: error
        case nil: .unavailable("refreshing is paused", retryAfter: .milliseconds(wait(at: now)))
        }
    }
}
