/// What a connection is doing and what follows from what happens to it, without I/O and without a clock.
///
/// One request is served at a time: bytes that come meanwhile are not even decoded, so a client that sends thousands of
/// requests at once costs one read of them.
struct ConnectionMachine: Equatable {
    enum Phase: Equatable {
        /// Nothing of a request has come.
        case idle
        /// A head has begun.
        case head
        /// A head is complete, and whether its request is wanted is being found out.
        case judging
        /// The body is coming.
        case body(kept: Bool)
        /// The request is being answered.
        case answering
        /// The reply is not taken yet.
        case replying
        /// The last reply is out, and the rest of what was refused is thrown away so that its sender reads the reply.
        case unwanted
        case closed
    }

    /// What happens.
    enum Event: Equatable {
        case bytes
        case head(keepsAlive: Bool)
        case verdict(Verdict)
        case body(Int)
        case end
        case reply
        /// The client has taken the reply, or there is room for the next one.
        case taken
        case inputClosed
        case problem(HTTPProblem)
        case deadline
        /// The server ends: the next reply is the last.
        case drain
        /// It ends, and there was time for one more request.
        case leave
    }

    /// What was decided about a head.
    enum Verdict: Equatable {
        /// A body of at most the given number of bytes is wanted.
        case wanted(limit: Int)
        /// It is refused, and the body is so small that it is easier thrown away than a new connection made.
        case refusedAfterBody
        /// It is refused now.
        case refused
    }

    /// What is to be done.
    enum Action: Equatable {
        case nothing
        case judge
        case receive
        case keep
        case answer
        /// Answer with what is wrong, as the last reply.
        case fail(HTTPProblem)
        /// Send the reply; the connection stays open or not.
        case send(isLast: Bool)
        /// The next request may be decoded.
        case proceed
        /// No more is sent, and what comes is thrown away.
        case linger
        case close
    }

    private(set) var phase = Phase.idle
    private var keepsAlive = true
    private var isComplete = false
    private var isDraining = false
    private var isLeaving = false
    private var hasInputEnded = false
    /// Whether the reply that is out said that it is the last; what happens while it is taken does not change that.
    private var saidLast = false
    /// The bytes of the body that may still come.
    private var left = 0

    /// Whether bytes that come now wait until the request before them is answered.
    var holdsBytes: Bool {
        switch phase {
        case .judging, .answering, .replying, .closed: true
        case .idle, .head, .body, .unwanted: false
        }
    }

    /// Takes note of what happened.
    mutating func handle(_ event: Event) -> Action {
        guard phase != .closed else { return .nothing }
        switch event {
        case .bytes: return began()
        case .head(let keepsAlive): return headArrived(keepsAlive)
        case .verdict(let verdict): return judged(verdict)
        case .body(let count): return bodyArrived(count)
        case .end: return ended()
        case .reply: return replied()
        case .taken: return taken()
        case .inputClosed: return inputClosed()
        case .problem(let problem): return failed(problem)
        case .deadline: return outOfTime()
        case .drain:
            isDraining = true
            return .nothing
        case .leave: return timeIsUp()
        }
    }

    private mutating func began() -> Action {
        if phase == .idle { phase = .head }
        return .nothing
    }

    private mutating func headArrived(_ keepsAlive: Bool) -> Action {
        guard phase == .head || phase == .idle else {
            // Line ends of a kind of their own hid where this request begins: it is not taken.
            self.keepsAlive = false
            return .nothing
        }
        phase = .judging
        self.keepsAlive = keepsAlive
        isComplete = false
        return .judge
    }

    private mutating func judged(_ verdict: Verdict) -> Action {
        guard phase == .judging else { return .nothing }
        switch verdict {
        case .wanted, .refusedAfterBody:
            if isComplete { return answer() }
            if case .wanted(let limit) = verdict { left = limit }
            phase = .body(kept: verdict != .refusedAfterBody)
            return .receive
        case .refused: return answer()
        }
    }

    private mutating func answer() -> Action {
        phase = .answering
        return .answer
    }

    private mutating func bodyArrived(_ count: Int) -> Action {
        guard phase == .body(kept: true) else { return .nothing }
        guard count <= left else { return failed(.bodyTooLarge) }
        left -= count
        return .keep
    }

    private mutating func ended() -> Action {
        isComplete = true
        switch phase {
        case .body: return answer()
        case .unwanted: return close()
        case .idle, .head, .judging, .answering, .replying, .closed: return .nothing
        }
    }

    private mutating func replied() -> Action {
        guard phase == .answering else { return .nothing }
        phase = .replying
        saidLast = isLast
        return .send(isLast: saidLast)
    }

    private var isLast: Bool { !keepsAlive || !isComplete || isDraining || hasInputEnded }

    private mutating func taken() -> Action {
        guard phase == .replying else { return .nothing }
        if saidLast {
            if isComplete || hasInputEnded { return close() }
            phase = .unwanted
            return .linger
        }
        if isLeaving { return close() }
        phase = .idle
        return .proceed
    }

    private mutating func inputClosed() -> Action {
        hasInputEnded = true
        switch phase {
        case .idle, .unwanted: return close()
        case .head, .body: return failed(.bodyEndsEarly)
        case .judging, .answering, .replying, .closed: return .nothing
        }
    }

    private mutating func failed(_ problem: HTTPProblem) -> Action {
        switch phase {
        case .idle, .head, .judging, .body:
            phase = .answering
            (keepsAlive, isComplete) = (false, false)
            return .fail(problem)
        case .answering, .replying:
            keepsAlive = false
            return .nothing
        case .unwanted, .closed: return .nothing
        }
    }

    private mutating func outOfTime() -> Action {
        switch phase {
        case .head, .body: failed(.tooSlow)
        case .idle, .replying, .unwanted: close()
        case .judging, .answering, .closed: .nothing
        }
    }

    private mutating func timeIsUp() -> Action {
        isLeaving = true
        return phase == .idle ? close() : .nothing
    }

    private mutating func close() -> Action {
        phase = .closed
        return .close
    }
}
