/// What sessions do, told as plainly as possible: whole numbers, arrays and no code of the engine.
///
/// Times are ms. Refresh tokens are numbered as they come to be; a client holds one together with an access token, and
/// several clients may hold the same one.
struct Model {
    struct Session {
        var user, current, payload: Int
        var end: Int64
        var isStatic: Bool
        var isThere = true
        var previous: Int?
        var rotatedAt: Int64 = 0
        var isUsed = false
        var trail = ["created"]
    }

    struct Token: Equatable {
        var session: Int
        var parent: Int?
        var isSealed: Bool
    }

    struct Held {
        var token, accessPayload: Int
        var accessParent: Int?
        var accessEnd: Int64
    }

    enum Answer: Equatable {
        case tokens(isStatic: Bool, payload: Int), valid(payload: Int), renewed(isStatic: Bool, payload: Int)
        case refreshNeeded, ended, reuse, antiCSRF, rotatedOut, done, sessions([Int]), changed(payload: Int)
        /// A token that should be a known one is not, or the other way round.
        case wrongToken
    }

    let accessLife: Int64
    let sessionLife: Int64
    let grace: Int64
    /// Whether a token has one child, or another for each exchange.
    let hasOneChild: Bool
    /// Whether reuse ends a session that rotates at first use.
    let revokes: Bool
    var now: Int64
    var sessions: [Session] = []
    var tokens: [Token] = []
    var held: [Held] = []

    private func isLive(_ session: Session) -> Bool { session.isThere && session.end > now }
    private var newAccessEnd: Int64 { (now + accessLife) / 1_000 * 1_000 }

    private mutating func number(_ token: Token) -> Int {
        if hasOneChild, token.parent != nil, let known = tokens.firstIndex(of: token) { return known }
        tokens.append(token)
        return tokens.count - 1
    }

    private mutating func give(_ token: Int, accessParent: Int?) -> Answer {
        let session = sessions[tokens[token].session]
        held.append(
            Held(token: token, accessPayload: session.payload, accessParent: accessParent, accessEnd: newAccessEnd))
        return .tokens(isStatic: session.isStatic, payload: session.payload)
    }

    mutating func create(user: Int, payload: Int, isStatic: Bool, isSealed: Bool) -> Answer {
        let token = number(Token(session: sessions.count, parent: nil, isSealed: isSealed))
        sessions.append(
            Session(user: user, current: token, payload: payload, end: now + sessionLife, isStatic: isStatic))
        return give(token, accessParent: nil)
    }

    private mutating func rotate(_ id: Int, from previous: Int, to current: Int, isUsed: Bool) {
        sessions[id].previous = previous
        sessions[id].current = current
        sessions[id].rotatedAt = now
        sessions[id].isUsed = isUsed
        sessions[id].end = now + sessionLife
        sessions[id].trail.append("refreshed")
    }

    /// The current token was seen again: its parent may not come back.
    private mutating func use(_ id: Int) -> Bool {
        guard hasOneChild, sessions[id].previous != nil, !sessions[id].isUsed else { return false }
        sessions[id].isUsed = true
        return true
    }

    mutating func refresh(
        _ index: Int, asksForSeal: Bool, bringsSeal: Bool, isStatic: Bool?, atOnce: Bool
    ) -> Answer {
        let token = held[index].token
        let id = tokens[token].session
        if asksForSeal && tokens[token].isSealed && !bringsSeal { return .antiCSRF }
        guard isLive(sessions[id]) else { return .ended }
        let child = number(Token(session: id, parent: token, isSealed: asksForSeal))
        let entries = sessions[id].trail.count
        guard let hasChanged = exchange(token, for: child, in: id, atOnce: atOnce) else {
            sessions[id].trail.append("reuse_detected")
            if revokes || atOnce { sessions[id].isThere = false }
            return .reuse
        }
        let switches = isStatic != nil && isStatic != sessions[id].isStatic
        sessions[id].isStatic = isStatic ?? sessions[id].isStatic
        if (hasChanged || switches) && sessions[id].trail.count == entries { sessions[id].trail.append("refreshed") }
        return give(child, accessParent: atOnce ? nil : token)
    }

    /// Whether the session changed; `nil` when the token is used up.
    private mutating func exchange(_ token: Int, for child: Int, in id: Int, atOnce: Bool) -> Bool? {
        let session = sessions[id]
        let isCurrent = token == session.current
        if isCurrent || tokens[token].parent == session.current {
            if atOnce {
                rotate(id, from: token, to: child, isUsed: false)
            } else if isCurrent {
                return use(id)
            } else {
                rotate(id, from: session.current, to: token, isUsed: hasOneChild)
            }
            return true
        }
        guard token == session.previous, !session.isUsed, now <= session.rotatedAt + grace else { return nil }
        if child == session.current { return false }
        guard atOnce else { return nil }
        sessions[id].current = child
        return true
    }

    mutating func verify(_ index: Int, asksStorage: Bool, isReadOnly: Bool) -> Answer {
        let mine = held[index]
        let id = tokens[mine.token].session
        if mine.accessEnd <= now { return .refreshNeeded }
        if (isReadOnly || mine.accessParent == nil) && !asksStorage { return .valid(payload: mine.accessPayload) }
        guard isLive(sessions[id]) else { return .ended }
        let session = sessions[id]
        let isFirstUse = mine.accessParent == session.current && mine.token != session.current
        if isReadOnly {
            let known = [session.current, session.previous]
            let isKnown = known.contains(mine.token) || (mine.accessParent != nil && known.contains(mine.accessParent))
            return isKnown ? .valid(payload: mine.accessPayload) : .rotatedOut
        }
        let isStale = asksStorage && mine.accessPayload != session.payload
        guard mine.accessParent != nil || isStale else { return .valid(payload: mine.accessPayload) }
        if isFirstUse {
            rotate(id, from: session.current, to: mine.token, isUsed: hasOneChild)
        } else if mine.token == session.current {
            if use(id) { sessions[id].trail.append("refreshed") }
        } else if !isStale {
            return .valid(payload: mine.accessPayload)
        }
        held[index] = Held(
            token: mine.token, accessPayload: session.payload, accessParent: nil, accessEnd: newAccessEnd)
        return .renewed(isStatic: session.isStatic, payload: session.payload)
    }

    mutating func change(_ session: Int, payload: Int) -> Answer {
        guard isLive(sessions[session]) else { return .ended }
        sessions[session].payload = payload
        sessions[session].trail.append("data_changed")
        return .done
    }

    mutating func regenerate(_ index: Int, payload: Int) -> Answer {
        if change(tokens[held[index].token].session, payload: payload) == .ended { return .ended }
        if held[index].accessEnd > now { held[index].accessPayload = payload }
        return .changed(payload: payload)
    }

    mutating func revoke(_ session: Int) -> Answer {
        guard sessions[session].isThere else { return .sessions([]) }
        sessions[session].isThere = false
        sessions[session].trail.append("revoked")
        return .sessions([session])
    }

    mutating func revokeAll(user: Int) -> Answer { .sessions(list(user: user).filter { revoke($0) != .sessions([]) }) }

    func list(user: Int) -> [Int] { sessions.indices.filter { sessions[$0].user == user && isLive(sessions[$0]) } }
}
