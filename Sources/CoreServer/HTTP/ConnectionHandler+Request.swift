import Foundations
import NIOCore
import OperatorMetrics
import OperatorTracing

/// A request on its way through the core.
extension ConnectionHandler {
    func judge(_ head: RequestHead, after origin: TraceOrigin? = nil) {
        guard let context else { return }
        self.head = head
        received = 0
        begun = .present
        trace = door.tracer?.begin(origin)
        door.metrics.inFlight.enter()
        requestID = RequestID.given(in: head.fields)
        let request = door.value(of: head)
        self.request = request
        if let problem = head.problem(door.limits, contradicts: door.served.refusesContradictions) {
            return perform(machine.handle(.problem(problem)))
        }
        note = door.note(request, requestID, of: context.channel)
        guard door.admits(context.channel) else {
            door.metrics.refused.add(.peerFilter)
            return refuse(.denied)
        }
        if let admission = inTrace({ door.served.admission(of: request) }) { return take(admission) }
        let (served, here) = (door.served, NIOLoopBound(self, eventLoop: context.eventLoop))
        // A task has the trace of who starts it.
        inTrace {
            _ = Task {
                let admission = await served.admissionAfterLookup(of: request)
                here.execute { $0.take(admission) }
            }
        }
    }

    func take(_ admission: CoreAPI.Admission) {
        switch admission {
        case .refused(let reply): refuse(reply)
        case .keyRefused(let reply):
            if let context { inTrace { door.apiKeyRefused(context.channel) } }
            refuse(reply)
        case .admitted(let admitted) where seat.isReserve && !admitted.isVital:
            perform(machine.handle(.problem(.busy)))
        case .admitted(let admitted):
            let limit = admitted.maximumBodyLength
            if let length = head?.announcedLength, length > limit {
                return perform(machine.handle(.problem(.bodyTooLarge)))
            }
            self.admitted = admitted
            if seat.isReserve, let context { door.roster.hasAsked(context.channel) }
            perform(machine.handle(.verdict(.wanted(limit: limit))))
        }
    }

    /// Bodies up to this size need no room of what all connections share, and are thrown away rather than their
    /// connection.
    private static let smallBody = 16 * 1024

    func refuse(_ reply: CoreReply) {
        self.reply = reply
        let length = head?.hasBody == true ? head?.announcedLength ?? .max : 0
        let isSmall = length <= Self.smallBody && head?.awaitsContinue == false
        perform(machine.handle(.verdict(isSmall ? .refusedAfterBody : .refused)))
    }

    func keep(_ bytes: ByteBuffer) {
        let shared = max(body.readableBytes + bytes.readableBytes - Self.smallBody, 0)
        guard door.bodies.take(shared - sharedBytes) else {
            return perform(machine.handle(.problem(.tooMuchAtOnce)))
        }
        sharedBytes = shared
        var bytes = bytes
        if body.readableBytes == 0, head?.announcedLength == bytes.readableBytes {
            body = bytes
        } else {
            body.writeBuffer(&bytes)
        }
    }

    func answer() {
        if reply != nil { return replied() }
        guard let admitted, let context else { return }
        let bytes = Array(body.readableBytesView)
        releaseBody()
        switch inTrace({ door.served.perform(admitted, body: bytes) }) {
        case .reply(let reply):
            self.reply = reply
            replied()
        case .waiting(let answer):
            let here = NIOLoopBound(self, eventLoop: context.eventLoop)
            inTrace {
                _ = Task {
                    let reply = await answer()
                    here.execute { connection in
                        connection.reply = reply
                        connection.replied()
                    }
                }
            }
        }
    }

    func replied() {
        Failpoint.reach("reply.made")
        perform(machine.handle(.reply))
        armTimer()
    }

    func releaseBody() {
        door.bodies.release(sharedBytes)
        (body, sharedBytes) = (ByteBuffer(), 0)
    }

    func forget() {
        releaseBody()
        if begun != nil { door.metrics.inFlight.leave() }
        (head, request, admitted, reply, begun) = (nil, nil, nil, nil, nil)
        (requestID, note, trace) = (nil, nil, nil)
    }
}

extension NIOLoopBound<ConnectionHandler> {
    /// Does something with the connection on its event loop.
    func execute(_ body: @escaping @Sendable (ConnectionHandler) -> Void) {
        eventLoop.execute {
            body(value)
            value.armTimer()
        }
    }
}
