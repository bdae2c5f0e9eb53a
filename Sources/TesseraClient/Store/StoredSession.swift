import Foundations
import LosslessJSON

/// What a store keeps: the tokens of at most one session, and the sign-outs that the server has not heard of.
///
/// Nothing of it is public but that it can be moved as bytes: a store of an application's own keeps them as secrets.
public struct StoredSession: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// Counts sign-ins and sign-outs: a response that belongs to an earlier number changes nothing.
    var account: Int64 = 0
    /// Counts writes.
    var revision: Int64 = 0
    var tokens: StoredTokens?
    /// Why there are no tokens.
    var reason = SignOutReason.none
    var pendingSignOuts: [PendingSignOut] = []

    /// No session.
    public init() {}

    /// Never a secret.
    public var description: String { tokens == nil ? "no session" : "a session" }
    /// Never a secret.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The tokens of a session and how long the access token is good.
struct StoredTokens: Sendable, Equatable {
    var refresh: Secret
    var access: Secret
    var front: String
    /// For how long the access token is accepted from its arrival on, in milliseconds.
    var lifetime: Int64
    /// When it arrived, by either clock of the client.
    var arrivedWall: Int64
    var arrivedSteady: Int64
    /// Which start of the machine `arrivedSteady` counts from.
    var boot: String
    /// Whether a refresh without a user brought it; the first call for a user refreshes first.
    var isFromBackground = false
    /// The key that the session was begun with; it may be bound to it.
    var key: KeptKey?

    /// For how long the access token is still accepted; 0 where that cannot be known.
    ///
    /// The steady clock decides. After a restart of the machine it is the wall clock, which may be wrong: then the token
    /// counts as expired, and one refresh sets all right.
    func remaining(_ clock: ClientClock) -> Int64 {
        let elapsed = elapsed(clock)
        return elapsed >= 0 && elapsed < lifetime ? lifetime - elapsed : 0
    }

    private func elapsed(_ clock: ClientClock) -> Int64 {
        if boot == clock.boot, !boot.isEmpty { return clock.steady().subtracting(arrivedSteady) }
        return clock.wall().subtracting(arrivedWall)
    }

    /// The server's time, in milliseconds since 1970: that of the access token and what has passed since, whatever the clock of
    /// this machine says.
    func serverTime(_ clock: ClientClock) -> Int64 {
        guard let made = FrontToken(front)?.madeAt else { return clock.wall() }
        let (time, isOver) = made.addingReportingOverflow(elapsed(clock))
        return isOver ? clock.wall() : time
    }

    /// Whether both front tokens name one session.
    func isSameSession(as other: StoredTokens?) -> Bool {
        guard let handle = FrontToken(front)?.sessionHandle, let other else { return false }
        return FrontToken(other.front)?.sessionHandle == handle
    }

    /// Whether it is time to refresh before it expires: in the last minute, or the last tenth of a short life.
    func isDue(_ clock: ClientClock) -> Bool { remaining(clock) <= min(60_000, lifetime / 10) }
}

/// A session that was signed out here and lives on at the server until it hears of that.
struct PendingSignOut: Sendable, Equatable {
    var refresh: Secret
    var access: Secret
    /// Since when, by the wall clock.
    var since: Int64
    /// The key of the session, for a backend that ends it by a refresh only.
    var key: KeptKey?

    /// For how long it is sent to the server again: seven days, in milliseconds.
    static let lifetime: Int64 = 7 * 86_400_000

    init(refresh: Secret, access: Secret, since: Int64, key: KeptKey?) {
        (self.refresh, self.access, self.since, self.key) = (refresh, access, since, key)
    }

    init(_ tokens: StoredTokens, since: Int64) {
        self.init(refresh: tokens.refresh, access: tokens.access, since: since, key: tokens.key)
    }
}

extension Int64 {
    /// The difference; the largest number where it overflows.
    fileprivate func subtracting(_ other: Int64) -> Int64 {
        let (difference, isOver) = subtractingReportingOverflow(other)
        return isOver ? .max : difference
    }
}
