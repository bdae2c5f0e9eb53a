import NIOCore

/// The one clock of a connection.
///
/// A request that comes whole and is answered at once moves the time when the connection is due and sets no alarm: the one
/// that is set finds out, when it rings, that it is not due yet.
struct ConnectionTimer {
    private var phase: ConnectionMachine.Phase?
    private var due: NIODeadline?
    private var alarm: (task: Scheduled<Void>, at: NIODeadline)?
    private var waiting = 0

    /// Counts from now on even if the phase is the same again.
    mutating func restart() { phase = nil }

    mutating func stop() {
        alarm?.task.cancel()
        (alarm, due) = (nil, nil)
    }

    /// Sets the time that a phase may take, unless it is being taken already.
    mutating func arm(
        for phase: ConnectionMachine.Phase, _ limits: ServerLimits, _ context: ChannelHandlerContext,
        _ ring: @escaping () -> Void
    ) {
        guard phase != self.phase else { return }
        self.phase = phase
        guard let amount = phase.amount(limits) else {
            due = nil
            return
        }
        let time = context.eventLoop.now + amount
        due = time
        if phase == .replying { waiting = Self.waitingBytes(context) }
        if let alarm, alarm.at <= time { return }
        set(at: time, context, ring)
    }

    private mutating func set(at time: NIODeadline, _ context: ChannelHandlerContext, _ ring: @escaping () -> Void) {
        alarm?.task.cancel()
        alarm = (context.eventLoop.assumeIsolated().scheduleTask(deadline: time, ring), time)
    }

    /// Whether the alarm that rang was in time; if not it is set again.
    mutating func isDue(_ context: ChannelHandlerContext, _ ring: @escaping () -> Void) -> Bool {
        alarm = nil
        guard let due else { return false }
        guard context.eventLoop.now < due else {
            phase = nil
            return true
        }
        set(at: due, context, ring)
        return false
    }

    /// Whether the client has taken some of the reply since the time was set.
    func seesProgress(_ context: ChannelHandlerContext) -> Bool { Self.waitingBytes(context) < waiting }

    private static func waitingBytes(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}

extension ConnectionMachine.Phase {
    /// How long it may last.
    fileprivate func amount(_ limits: ServerLimits) -> TimeAmount? {
        switch self {
        case .idle: limits.idle
        case .head: limits.head
        case .body: limits.body
        case .replying: limits.progress
        case .unwanted: limits.unwanted
        case .judging, .answering, .closed: nil
        }
    }
}
