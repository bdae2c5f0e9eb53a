import NIOCore
import OperatorMetrics
import SessionService

/// What the machine says is to be done.
extension ConnectionHandler {
    func perform(_ action: ConnectionMachine.Action) {
        switch action {
        case .nothing, .judge, .keep: break
        case .receive: receive()
        case .answer: answer()
        case .fail(let problem): fail(problem)
        case .send(let isLast): send(isLast)
        case .proceed: proceed()
        case .linger: linger()
        case .close: context?.close(promise: nil)
        }
    }

    /// Takes the body, whose first bytes may have waited until the request was wanted.
    func receive() {
        guard let context else { return }
        if head?.awaitsContinue == true {
            let word = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
            context.writeAndFlush(wrapOutboundOut(word), promise: nil)
        }
        gate?.proceed()
    }

    func fail(_ problem: HTTPProblem) {
        inTrace { door.log(problem, context?.channel) }
        let (status, text) = problem.answer
        reply = .plain(status, text).meaning(OutcomeLabel(problem))
        door.metrics.refused.add(RefusalLabel(problem, hasHead: head != nil))
        if status == 503 { reply?.headers.append(("Retry-After", "1")) }
        perform(machine.handle(.reply))
    }

    func send(_ isLast: Bool) {
        guard let context, var reply else { return }
        if let id = note?.id ?? requestID { reply.headers.append(("X-Request-Id", id)) }
        inTrace { note?.log(status: reply.status, admitted, to: door.served.logger) }
        door.metrics.note(OperationLabel(admitted?.work), reply.outcome, since: begun)
        finishTrace(reply)
        let bytes = door.replies.bytes(
            of: reply, isHead: head?.method == "HEAD", isVersion10: head?.isVersion10 ?? false, isLast: isLast,
            at: door.served.currentTime, context.channel.allocator)
        forget()
        guard isLast else {
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            if context.channel.isWritable { perform(machine.handle(.taken)) }
            return
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.perform(self.machine.handle(.taken))
            self.armTimer()
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
    }

    func proceed() {
        timer.restart()
        gate?.proceed()
    }

    /// Ends what is sent; the client sees it, reads the reply and ends its side.
    func linger() { context?.close(mode: .output, promise: nil) }
}

// MARK: - The end of the server

extension ConnectionHandler {
    /// Makes the next reply the last.
    ///
    /// A client may be sending a request on a connection that is silent: it has a moment to come.
    func drain(_ context: ChannelHandlerContext) {
        perform(machine.handle(.drain))
        context.eventLoop.assumeIsolated().scheduleTask(in: door.limits.farewell) { [weak self] in
            guard let self else { return }
            perform(machine.handle(.leave))
        }
    }
}

// MARK: - Time

extension ConnectionHandler {
    func armTimer() {
        guard let context else { return }
        timer.arm(for: machine.phase, door.limits, context) { [weak self] in self?.rang() }
    }

    func rang() {
        guard let context, timer.isDue(context, { [weak self] in self?.rang() }) else { return }
        if machine.phase == .replying, timer.seesProgress(context) { return armTimer() }
        perform(machine.handle(.deadline))
        armTimer()
    }
}
