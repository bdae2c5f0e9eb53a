/// What a session's limits mean, told with whole numbers of milliseconds and nothing of the engine.
struct PolicyOracle {
    let idle, absolute: Int64?
    let validity, tokenLife: Int64
    var authenticated, end: Int64

    /// What a refresh comes to.
    enum Answer: Equatable { case tokens(end: Int64), ended }

    /// A session that begins.
    init(idle: Int64?, absolute: Int64?, validity: Int64, tokenLife: Int64, begunAt time: Int64) {
        (self.idle, self.absolute, self.validity, self.tokenLife) = (idle, absolute, validity, tokenLife)
        (authenticated, end) = (time, 0)
        end = endAfter(time)
    }

    func isAlive(at time: Int64) -> Bool { time < end && absolute.map { time < authenticated + $0 } ?? true }

    private func endAfter(_ activity: Int64) -> Int64 {
        let unused = activity + (idle.map { $0 < validity ? $0 : validity } ?? validity)
        guard let absolute else { return unused }
        return unused < authenticated + absolute ? unused : authenticated + absolute
    }

    /// The life of an access token before it is cut.
    var life: Int64 {
        guard let idle else { return tokenLife }
        let fifth = idle / 5 / 1_000 * 1_000
        let wanted = fifth < 60_000 ? 60_000 : fifth
        return wanted < tokenLife ? wanted : tokenLife
    }

    mutating func refresh(at time: Int64, isBackground: Bool) -> Answer {
        guard isAlive(at: time) else { return .ended }
        let next = isBackground ? end : endAfter(time)
        guard next - time >= 1_000 else { return .ended }
        end = next
        return .tokens(end: next)
    }

    /// When an access token that is issued now ends.
    func tokenEnd(at time: Int64, isInMilliseconds: Bool) -> Int64 {
        let wanted = time + life < end ? time + life : end
        return isInMilliseconds ? wanted : wanted / 1_000 * 1_000
    }
}
