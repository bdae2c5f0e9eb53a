import Foundations
import Synchronization

/// The cores that can be asked, and which of them are better left alone for a moment (docs/decisions/0032).
///
/// Nothing here keeps a call from being made: a core that failed is asked last, and where all have failed one of them is
/// asked all the same, so that no call waits for a core to be forgiven.
final class CoreHosts: Sendable {
    /// How a host is asked.
    struct Turn: Sendable, Equatable {
        var index: Int
        /// Whether this call finds out if a host that hung answers again; others could be asked instead.
        var isProbe = false
    }

    /// What a host's last answer means for the next call.
    enum Outcome {
        case answered
        /// It asks to be left alone, for a number of seconds if it says one.
        case busy(seconds: Int64?)
        case refused
        /// It took the request, perhaps, and did not answer in time.
        case hung
    }

    private struct Health {
        var suspendedUntil = Timestamp(milliseconds: .min)
        var hasHung = false
        var hasAnswered = false

        func isSuspended(at now: Timestamp) -> Bool {
            // A clock that was set back must not suspend a host for longer than anything here does.
            now < suspendedUntil && suspendedUntil - now <= CoreHosts.longestSuspension
        }
    }

    private struct State {
        var next = 0
        var health: [Health]
    }

    /// For how long a host that failed is asked last.
    static let suspension = Milliseconds(500)
    /// For how long a host is asked last at most, whatever it asks for.
    static let longestSuspension = Milliseconds.seconds(60)

    let addresses: [String]
    private let state: Mutex<State>

    init(_ addresses: [String]) {
        self.addresses = addresses
        state = Mutex(State(health: Array(repeating: Health(), count: addresses.count)))
    }

    /// The order in which a call asks the hosts: in turn, those that failed a moment ago last.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - isRepeatable: whether the call may be sent to another host although it may have arrived. One that may not goes
    ///     to hosts that have answered before those that nothing is known about.
    func turns(at now: Timestamp, isRepeatable: Bool) -> [Turn] {
        state.withLock { state in
            guard !state.health.isEmpty else { return [] }
            let first = state.next
            state.next = (first + 1) % state.health.count
            let order = state.health.indices.map { (first + $0) % state.health.count }
            return Self.sorted(order, at: now, isRepeatable: isRepeatable, &state)
        }
    }

    /// The order for what every host answers alike: as they are listed, those that failed a moment ago last.
    func listed(at now: Timestamp) -> [Turn] {
        state.withLock { state in
            Self.sorted(Array(state.health.indices), at: now, isRepeatable: true, &state)
        }
    }

    private static func sorted(
        _ order: [Int], at now: Timestamp, isRepeatable: Bool, _ state: inout State
    ) -> [Turn] {
        let health = state.health
        let free = order.filter { !health[$0].isSuspended(at: now) }
        let suspended = order.filter { health[$0].isSuspended(at: now) }
            .sorted { health[$0].suspendedUntil < health[$1].suspendedUntil }
        let sound = free.filter { !health[$0].hasHung }
        var hung = free.filter { health[$0].hasHung }
        var turns: [Turn] = []
        // One call at a time finds out whether a host that hung answers again.
        if isRepeatable, !sound.isEmpty, let probed = hung.first {
            hung.removeFirst()
            state.health[probed].suspendedUntil = now + suspension
            turns.append(Turn(index: probed, isProbe: true))
        }
        let isProven = { (index: Int) in isRepeatable || health[index].hasAnswered }
        turns += (sound.filter(isProven) + sound.filter { !isProven($0) } + hung + suspended).map { Turn(index: $0) }
        return turns
    }

    /// Notes how a host did.
    func note(_ outcome: Outcome, of index: Int, at now: Timestamp) {
        state.withLock { state in
            switch outcome {
            case .answered: state.health[index] = Health(hasAnswered: true)
            case .busy(let seconds):
                let asked = seconds.map(Milliseconds.seconds) ?? Self.suspension
                state.health[index].suspendedUntil = now + min(max(asked, Self.suspension), Self.longestSuspension)
            case .refused: state.health[index].suspendedUntil = now + Self.suspension
            case .hung:
                state.health[index].suspendedUntil = now + Self.suspension
                state.health[index].hasHung = true
            }
        }
    }
}
