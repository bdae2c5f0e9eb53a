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
        var rotations = 0
        /// The last window of the current token.
        var window: (number: Int, openedAt: Int64)?
        /// How the current token was given: in which window, and until when its predecessor is given it again.
        var given: (window: Int?, until: Int64?)?
        var sharedAt: Int?
        var hasLate = false
        var auditLog = ["created"]

        var isShared: Bool { sharedAt.map { rotations - $0 <= 1 } ?? false }
    }

    /// A token; a successor that is derived is known by its parent, its window and its seal.
    struct Token: Equatable {
        var session: Int
        var parent: Int?
        var isEncrypted: Bool
        /// `nil` for one that was made at random.
        var window: Int?
    }

    struct Held {
        var token, accessPayload: Int
        var accessParent: Int?
        var accessStart, accessEnd: Int64
    }

    /// How long an access token lives.
    enum Life { case whole, shortened, unchanged }

    enum Answer: Equatable {
        case tokens(isStatic: Bool, payload: Int), valid(payload: Int), renewed(isStatic: Bool, payload: Int)
        case refreshNeeded, ended, tooLate, reuse, antiCSRF, superseded, done, sessions([Int]), changed(payload: Int)
        /// A token that should be a known one is not, or the other way round; one that lives longer or shorter.
        case wrongToken, wrongLife
    }

    let accessLife: Int64
    let sessionLife: Int64
    let grace, firstWindow, silence: Int64
    /// Whether successors are derived, or made at random.
    let isDerived: Bool
    /// Whether reuse ends a session that rotates at first use.
    let revokes: Bool
    var now: Int64
    var sessions: [Session] = []
    var tokens: [Token] = []
    var held: [Held] = []
    /// Whether the session was shared before the refresh under way.
    var wasShared = false
    /// How long the access token of the last answer lives.
    var lastLife = Life.whole

    private func isLive(_ session: Session) -> Bool { session.isThere && session.end > now }
    private func second(_ time: Int64) -> Int64 { time / 1_000 * 1_000 }

    private mutating func number(_ token: Token) -> Int {
        if token.window != nil, let known = tokens.firstIndex(of: token) { return known }
        tokens.append(token)
        return tokens.count - 1
    }

    private mutating func give(_ token: Int, accessParent: Int?) -> Answer {
        let session = sessions[tokens[token].session]
        lastLife = session.isShared || wasShared ? .shortened : .whole
        held.append(
            Held(
                token: token, accessPayload: session.payload, accessParent: accessParent, accessStart: second(now),
                accessEnd: second(now + accessLife)))
        return .tokens(isStatic: session.isStatic, payload: session.payload)
    }

    mutating func create(user: Int, payload: Int, isStatic: Bool, isEncrypted: Bool) -> Answer {
        let token = number(Token(session: sessions.count, parent: nil, isEncrypted: isEncrypted, window: nil))
        sessions.append(
            Session(user: user, current: token, payload: payload, end: now + sessionLife, isStatic: isStatic))
        return give(token, accessParent: nil)
    }

    private mutating func rotate(
        _ id: Int, from previous: Int, to current: Int, given: (window: Int?, until: Int64?)
    ) {
        sessions[id].previous = previous
        sessions[id].current = current
        sessions[id].rotatedAt = now
        sessions[id].rotations += 1
        sessions[id].window = nil
        sessions[id].given = isDerived ? given : nil
        sessions[id].hasLate = false
        sessions[id].end = now + sessionLife
        sessions[id].auditLog.append("refreshed")
    }

    /// A successor of the current token is seen for the first time.
    private mutating func promote(_ token: Int, in id: Int) {
        let window = sessions[id].window
        rotate(
            id, from: sessions[id].current, to: token,
            given: (
                window?.number, window?.number == 0 ? window.map { $0.openedAt + firstWindow } : nil
            ))
    }

    mutating func refresh(
        _ index: Int, asksForSeal: Bool, bringsSeal: Bool, isStatic: Bool?, atOnce: Bool
    ) -> Answer {
        let token = held[index].token
        let id = tokens[token].session
        if asksForSeal && tokens[token].isEncrypted && !bringsSeal { return .antiCSRF }
        guard isLive(sessions[id]) else { return .ended }
        let (before, entries) = (sessions[id], sessions[id].auditLog.count)
        wasShared = atOnce && before.isShared
        defer { wasShared = false }
        switch exchange(token, asksForSeal, in: id, atOnce: atOnce) {
        case .child(let child):
            sessions[id].isStatic = isStatic ?? sessions[id].isStatic
            let isNews = sessions[id].isStatic != before.isStatic || sessions[id].current != before.current
            if sessions[id].auditLog.count > entries + 1 { sessions[id].auditLog.removeLast() }
            if isNews && sessions[id].auditLog.count == entries { sessions[id].auditLog.append("refreshed") }
            return give(child, accessParent: atOnce ? nil : token)
        case .tooLate:
            if !sessions[id].hasLate { sessions[id].auditLog.append("late_parent") }
            sessions[id].hasLate = true
            return .tooLate
        case .reuse:
            sessions[id].auditLog.append("reuse_detected")
            if revokes || atOnce { sessions[id].isThere = false }
            return .reuse
        }
    }

    private enum Exchange { case child(Int), tooLate, reuse }

    private mutating func child(of token: Int, _ window: Int?, _ seal: Bool) -> Int {
        number(Token(session: tokens[token].session, parent: token, isEncrypted: seal, window: window))
    }

    private mutating func exchange(_ token: Int, _ seal: Bool, in id: Int, atOnce: Bool) -> Exchange {
        if tokens[token].parent == sessions[id].current { promote(token, in: id) }
        if token == sessions[id].current { return exchangeCurrent(token, seal, in: id, atOnce: atOnce) }
        guard token == sessions[id].previous else { return .reuse }
        return exchangePrevious(token, seal, in: id, atOnce: atOnce)
    }

    private mutating func exchangeCurrent(_ token: Int, _ seal: Bool, in id: Int, atOnce: Bool) -> Exchange {
        guard isDerived else {
            let child = child(of: token, nil, seal)
            if atOnce { rotate(id, from: token, to: child, given: (nil, nil)) }
            return .child(child)
        }
        var window: (number: Int, openedAt: Int64)? = (0, now)
        var isRepeat = false
        if let last = sessions[id].window {
            isRepeat = now - last.openedAt <= firstWindow >> last.number
            let next = last.number + 1
            window = isRepeat ? last : firstWindow >> next >= 500 ? (next, now) : nil
        }
        let child = child(of: token, window?.number, seal)
        if atOnce {
            rotate(id, from: token, to: child, given: (window?.number, now + grace))
        } else if !isRepeat, let window {
            sessions[id].window = window
        }
        if isRepeat { sessions[id].sharedAt = sessions[id].rotations }
        return .child(child)
    }

    private mutating func exchangePrevious(_ token: Int, _ seal: Bool, in id: Int, atOnce: Bool) -> Exchange {
        guard isDerived else {
            guard atOnce, now <= sessions[id].rotatedAt + grace else { return .reuse }
            sessions[id].current = child(of: token, nil, seal)
            return .child(sessions[id].current)
        }
        guard let given = sessions[id].given else { return .reuse }
        if let until = given.until, now <= until {
            let child = child(of: token, given.window, seal)
            if child == sessions[id].current || atOnce {
                if child != sessions[id].current {
                    (sessions[id].window, sessions[id].hasLate) = (nil, false)
                }
                sessions[id].current = child
                sessions[id].sharedAt = sessions[id].rotations
                return .child(child)
            }
        }
        return now - sessions[id].rotatedAt <= silence ? .tooLate : .reuse
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
            return isKnown ? .valid(payload: mine.accessPayload) : .superseded
        }
        let isStale = asksStorage && mine.accessPayload != session.payload
        guard mine.accessParent != nil || isStale else { return .valid(payload: mine.accessPayload) }
        if isFirstUse {
            promote(mine.token, in: id)
        } else if mine.token != session.current, !isStale {
            return .valid(payload: mine.accessPayload)
        }
        let isWhole = mine.accessEnd - mine.accessStart > accessLife - 1_000
        let isOfSession = isFirstUse || mine.token == session.current
        lastLife = !isWhole || !isOfSession ? .unchanged : session.isShared ? .shortened : .whole
        held[index] = Held(
            token: mine.token, accessPayload: session.payload, accessParent: nil, accessStart: second(now),
            accessEnd: lastLife == .unchanged ? mine.accessEnd : second(now + accessLife))
        return .renewed(isStatic: session.isStatic, payload: session.payload)
    }

    mutating func change(_ session: Int, payload: Int) -> Answer {
        guard isLive(sessions[session]) else { return .ended }
        sessions[session].payload = payload
        sessions[session].auditLog.append("data_changed")
        return .done
    }

    mutating func regenerate(_ index: Int, payload: Int) -> Answer {
        if change(tokens[held[index].token].session, payload: payload) == .ended { return .ended }
        if held[index].accessEnd > now {
            (held[index].accessPayload, held[index].accessStart) = (payload, second(now))
        }
        return .changed(payload: payload)
    }

    mutating func revoke(_ session: Int) -> Answer {
        guard sessions[session].isThere else { return .sessions([]) }
        sessions[session].isThere = false
        sessions[session].auditLog.append("revoked")
        return .sessions([session])
    }

    mutating func revokeAll(user: Int) -> Answer { .sessions(list(user: user).filter { revoke($0) != .sessions([]) }) }

    func list(user: Int) -> [Int] { sessions.indices.filter { sessions[$0].user == user && isLive(sessions[$0]) } }
}
