import Foundations
import NIOCore
import NIOHTTP1
import OperatorMetrics
import OperatorTracing
import SessionService
import SessionStorage

/// One connection: what ``ConnectionMachine`` decides is done here.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    let door: Door
    let seat: Seat
    var machine = ConnectionMachine()
    var gate: ByteGate?
    var context: ChannelHandlerContext?
    var timer = ConnectionTimer()

    var head: RequestHead?
    var request: CoreRequest?
    var admitted: CoreAPI.Admitted?
    var reply: CoreReply?
    /// The ID that the caller has given the request.
    var requestID: String?
    /// When the head of the request had come.
    var begun: MonotonicTime?
    /// What the line of the request needs, where details are logged.
    var note: RequestNote?
    /// The request's place in a trace, where requests are traced.
    var trace: RequestTrace?
    var body = ByteBuffer()
    /// How much of the body counts as taken from what all connections share.
    var sharedBytes = 0

    init(_ door: Door, _ seat: Seat) {
        self.door = door
        self.seat = seat
    }

    /// Adds a connection's handlers to its pipeline.
    static func install(_ door: Door, _ seat: Seat, on channel: any Channel) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = door.limits.headerBytes
        limits.maxHeaderListSize = door.limits.headerBytes
        limits.maxHeaderFieldCount = door.limits.headerFields
        let connection = ConnectionHandler(door, seat)
        let gate = ByteGate(connection)
        connection.gate = gate
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers(gate, ByteToMessageHandler(decoder), connection)
    }

    // MARK: What the gate asks

    /// Whether bytes wait until the request before them is answered.
    var holdsBytes: Bool { machine.holdsBytes }

    /// Whether the next byte begins a request.
    var isIdle: Bool { machine.phase == .idle }

    /// Whether a request has begun and its head is not complete.
    var isInHead: Bool { machine.phase == .head }

    /// How many bytes the body of the request still has, where its length is known.
    var bodyBytes: Int? {
        guard case .body = machine.phase, let head, head.fields.transferEncodings.isEmpty else { return nil }
        return head.announcedLength.map { max(1, $0 - received) }
    }

    var received = 0

    func bytesArrived() { perform(machine.handle(.bytes)) }

    /// All that has come and may be decoded is decoded.
    func bytesPassed() { armTimer() }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        door.metrics.connections.enter()
        armTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer.stop()
        inTrace { note?.log(status: nil, admitted, to: door.served.logger) }
        finishTrace(nil)
        forget()
        door.metrics.connections.leave()
        (self.context, gate) = (nil, nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let origin = door.tracer == nil ? nil : TraceOrigin(head.headers)
            let head = RequestHead(head)
            let staysOpen = head.keepsAlive && !head.wantsUpgrade && !seat.isReserve
            if case .judge = machine.handle(.head(keepsAlive: staysOpen)) { judge(head, after: origin) }
        case .body(let bytes):
            received += bytes.readableBytes
            let action = machine.handle(.body(bytes.readableBytes))
            if action == .keep { keep(bytes) } else { perform(action) }
        case .end: perform(machine.handle(.end))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is HTTPParserError:
            var isInBody = false
            if case .body = machine.phase { isInBody = true }
            let problem = HTTPProblem(error, inBody: isInBody, after: gate?.beginning ?? ByteBuffer())
            perform(machine.handle(.problem(problem)))
        case is ByteToMessageDecoderError: break
        default: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: perform(machine.handle(.inputClosed))
        case is DrainEvent: drain(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, machine.phase == .replying { perform(machine.handle(.taken)) }
    }
}

/// Notifies the connections that the server ends.
struct DrainEvent: Sendable {}
