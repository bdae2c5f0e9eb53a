import SessionEngine

/// One operation of a race, as its caller saw it.
struct Operation: Sendable {
    /// What was asked for.
    let name: String
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
    /// The answer in a word.
    let outcome: String
    /// The hash of the refresh token that came with the answer.
    let token: TokenHash?

    /// Whether it had ended before another one began; then no order may turn them round.
    func isBefore(_ other: Operation) -> Bool { end < other.start }

    /// How many operations began before an earlier one had ended.
    static func overlaps(_ history: [Operation]) -> Int {
        zip(history.map(\.start).sorted().dropFirst(), history.map(\.end).sorted()).count { $0 < $1 }
    }
}

/// What can happen to a session.
enum RaceOperation: String, CaseIterable, Sendable {
    case refresh, revoke, revokeAll = "revoke-all", update, expiry

    /// Every pair, also of one with itself.
    static let pairs: [[RaceOperation]] = allCases.enumerated().flatMap { index, first in
        allCases[index...].map { [first, $0] }
    }

    var isRevocation: Bool { self == .revoke || self == .revokeAll }
}

/// A session and what its audit log tells, as somebody thinks of it who has never heard of two things at once.
///
/// The refresh of the race presents a token whose exchange rotates: the current one where sessions rotate at once, else
/// a child of it.
struct SequentialSession: Equatable {
    var isThere = true
    var payload = 0
    var generation = 0
    var hasNewEnd = false
    var auditLog = ["created"]

    /// Does an operation and gives its answer.
    ///
    /// - Parameter number: what an update writes.
    mutating func apply(_ operation: RaceOperation, number: Int) -> String {
        switch operation {
        case .refresh:
            guard isThere else { return "ended" }
            if generation == 0 { (generation, hasNewEnd, auditLog) = (1, true, auditLog + ["refreshed"]) }
            return "ok"
        case .update:
            guard isThere else { return "ended" }
            (payload, auditLog) = (number, auditLog + ["data_changed"])
            return "ok"
        case .revoke: return end(by: "handle")
        case .revokeAll: return end(by: "all")
        case .expiry: return hasNewEnd ? "none" : end(by: "expiry")
        }
    }

    private mutating func end(by means: String) -> String {
        guard isThere else { return "none" }
        self = SequentialSession(isThere: false, auditLog: auditLog + ["revoked by \(means)"])
        return "one"
    }

    /// Whether the answers of two operations and what is left can come from one order of them.
    static func explains(_ pair: [RaceOperation], _ history: [Operation], _ seen: SequentialSession) -> Bool {
        var orders: [[Int]] = []
        if !history[1].isBefore(history[0]) { orders.append([0, 1]) }
        if !history[0].isBefore(history[1]) { orders.append([1, 0]) }
        return orders.contains { order in
            var session = SequentialSession()
            return order.allSatisfy { session.apply(pair[$0], number: $0 + 1) == history[$0].outcome }
                && session == seen
        }
    }
}
