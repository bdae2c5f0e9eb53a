/// What sessions do, told as plainly as possible: whole numbers, arrays and no code of the engine.
///
/// Times are ms. Token 0, 1, 2 ... are the refresh tokens in the order in which they were given; each remembers the
/// access token that a client holds beside it.
struct Model {
    struct Session {
        var user, current, payload: Int
        var end: Int64
        var isStatic: Bool
        var isThere = true
    }

    struct Token {
        var session, accessPayload: Int
        var parent, accessParent: Int?
        var isSealed: Bool
        var accessEnd: Int64
    }

    enum Answer: Equatable {
        case tokens(isStatic: Bool, payload: Int), valid(payload: Int), renewed(isStatic: Bool, payload: Int)
        case refreshNeeded, ended, reuse, antiCSRF, done, sessions([Int]), changed(payload: Int)
    }

    let accessLife: Int64
    let sessionLife: Int64
    var now: Int64
    var sessions: [Session] = []
    var tokens: [Token] = []

    private func isLive(_ session: Session) -> Bool { session.isThere && session.end > now }
    private var newAccessEnd: Int64 { (now + accessLife) / 1_000 * 1_000 }

    private mutating func give(_ session: Int, parent: Int?, isSealed: Bool) -> Answer {
        let payload = sessions[session].payload
        tokens.append(
            Token(
                session: session, accessPayload: payload, parent: parent, accessParent: parent, isSealed: isSealed,
                accessEnd: newAccessEnd))
        return .tokens(isStatic: sessions[session].isStatic, payload: payload)
    }

    mutating func create(user: Int, payload: Int, isStatic: Bool, isSealed: Bool) -> Answer {
        sessions.append(
            Session(user: user, current: tokens.count, payload: payload, end: now + sessionLife, isStatic: isStatic))
        return give(sessions.count - 1, parent: nil, isSealed: isSealed)
    }

    mutating func refresh(_ token: Int, asksForSeal: Bool, bringsSeal: Bool, isStatic: Bool?) -> Answer {
        let id = tokens[token].session
        if asksForSeal && tokens[token].isSealed && !bringsSeal { return .antiCSRF }
        guard isLive(sessions[id]) else { return .ended }
        if sessions[id].current != token {
            guard tokens[token].parent == sessions[id].current else { return .reuse }
            (sessions[id].current, sessions[id].end) = (token, now + sessionLife)
        }
        sessions[id].isStatic = isStatic ?? sessions[id].isStatic
        return give(id, parent: token, isSealed: asksForSeal)
    }

    mutating func verify(_ token: Int, asksStorage: Bool) -> Answer {
        let (held, id) = (tokens[token], tokens[token].session)
        if held.accessEnd <= now { return .refreshNeeded }
        if held.accessParent == nil && !asksStorage { return .valid(payload: held.accessPayload) }
        guard isLive(sessions[id]) else { return .ended }
        let isFirstUse = held.accessParent == sessions[id].current
        let isCurrent = sessions[id].current == token && held.accessParent != nil
        let isStale = asksStorage && held.accessPayload != sessions[id].payload
        guard isFirstUse || isCurrent || isStale else { return .valid(payload: held.accessPayload) }
        if isFirstUse { (sessions[id].current, sessions[id].end) = (token, now + sessionLife) }
        let payload = sessions[id].payload
        (tokens[token].accessParent, tokens[token].accessEnd, tokens[token].accessPayload) = (
            nil, newAccessEnd, payload
        )
        return .renewed(isStatic: sessions[id].isStatic, payload: payload)
    }

    mutating func change(_ session: Int, payload: Int) -> Answer {
        guard isLive(sessions[session]) else { return .ended }
        sessions[session].payload = payload
        return .done
    }

    mutating func regenerate(_ token: Int, payload: Int) -> Answer {
        if change(tokens[token].session, payload: payload) == .ended { return .ended }
        if tokens[token].accessEnd > now { tokens[token].accessPayload = payload }
        return .changed(payload: payload)
    }

    mutating func revoke(_ session: Int) -> Answer {
        defer { sessions[session].isThere = false }
        return .sessions(sessions[session].isThere ? [session] : [])
    }

    mutating func revokeAll(user: Int) -> Answer { .sessions(list(user: user).filter { revoke($0) != .sessions([]) }) }

    func list(user: Int) -> [Int] { sessions.indices.filter { sessions[$0].user == user && isLive(sessions[$0]) } }
}
