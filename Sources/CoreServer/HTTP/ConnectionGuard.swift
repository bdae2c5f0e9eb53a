import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// How long a client may take to send a request (statement H05).
struct ReceiveLimits: Sendable {
    /// From the first byte of a request to the end of its head.
    var head = TimeAmount.seconds(10)
    /// From the end of a request's head to the end of its body.
    var body = TimeAmount.seconds(20)
    /// For what is left of a body that nobody wants, so that its sender can read the reply that says so.
    var unwanted = TimeAmount.seconds(2)
}

/// Cuts a client that sends too slowly, and one whose request was answered with `Connection: close`.
///
/// Hummingbird's idle timeout begins anew with every byte, so that a byte every few seconds holds a connection for ever.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Phase {
        /// Nothing of a request has come.
        case idle
        /// A request has begun and is not complete.
        case receiving
        /// A request is complete and not yet answered.
        case answering
    }

    private let limits: ReceiveLimits
    private var phase = Phase.idle
    private var deadline: Scheduled<Void>?
    private var awaitsBody = false
    private var closesAfterReply = false
    private var leftovers = Leftovers()

    init(limits: ReceiveLimits = ReceiveLimits()) {
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let observer = ByteObserver { [unowned self] bytes in self.bytesRead(bytes, context) }
        // It cannot fail: the pipeline is this handler's own and its event loop the current one.
        try? context.pipeline.syncOperations.addHandler(observer, position: .first)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    /// Called when the decoder has had the bytes and has passed on all that it understood.
    private func bytesRead(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        leftovers.decoderHas(read: bytes)
        switch phase {
        case .idle: beginHead(context)
        // Most requests are whole by now and need no clock.
        case .receiving where awaitsBody:
            awaitsBody = false
            cut(context, after: limits.body)
        case .receiving, .answering: break
        }
    }

    /// Starts the clock of a head, if some of one is there.
    private func beginHead(_ context: ChannelHandlerContext) {
        guard leftovers.isAny else { return }
        phase = .receiving
        cut(context, after: limits.head)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        leftovers.decoderGave(part)
        switch part {
        case .head:
            phase = .receiving
            awaitsBody = true
            deadline?.cancel()
        case .body: break
        case .end:
            phase = .answering
            awaitsBody = false
            deadline?.cancel()
            if closesAfterReply { return context.close(mode: .all, promise: nil) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): closesAfterReply = head.headerFields[.connection] == "close"
        case .body: break
        case .end:
            if closesAfterReply { return end(context, data, promise) }
            if phase == .answering {
                phase = .idle
                beginHead(context)
            }
        }
        context.write(data, promise: promise)
    }

    /// Sends the end of the last reply.
    ///
    /// While the client is still sending it would not read it, so it may finish soon.
    private func end(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        context.writeAndFlush(data, promise: promise)
        if phase == .receiving {
            cut(context, after: limits.unwanted)
        } else {
            context.close(mode: .all, promise: nil)
        }
    }

    private func cut(_ context: ChannelHandlerContext, after delay: TimeAmount) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            context.close(mode: .all, promise: nil)
        }
    }
}

/// Tells whether the decoder holds the beginning of a request that is not complete.
private struct Leftovers {
    /// Whether it does.
    private(set) var isAny = false
    private var lastBody: ByteBuffer?
    private var endedInThisRead = false

    mutating func decoderGave(_ part: HTTPRequestPart) {
        switch part {
        case .head: lastBody = nil
        case .body(let body): lastBody = body
        case .end: endedInThisRead = true
        }
    }

    /// Bytes after the end of a request belong to the next one.
    ///
    /// A request ends with an empty line or with its body, so bytes that end otherwise go on; where a sender makes both
    /// look alike, the idle timeout is left.
    mutating func decoderHas(read bytes: ByteBuffer) {
        let endsRequest = bytes.ends(with: Self.emptyLine) || lastBody.map(bytes.ends(with:)) ?? false
        isAny = !(endedInThisRead && endsRequest)
        endedInThisRead = false
    }

    private static let emptyLine = ByteBuffer(string: "\r\n\r\n")
}

extension ByteBuffer {
    fileprivate func ends(with other: ByteBuffer) -> Bool {
        getSlice(at: writerIndex - other.readableBytes, length: other.readableBytes) == other
    }
}

/// Tells when bytes have been read, after the decoder has had them.
private final class ByteObserver: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytesRead: (ByteBuffer) -> Void

    init(_ bytesRead: @escaping (ByteBuffer) -> Void) {
        self.bytesRead = bytesRead
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        context.fireChannelRead(data)
        bytesRead(bytes)
    }
}
