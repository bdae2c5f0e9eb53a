import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// How long a client may take to send a request (statement H05).
struct ReceiveLimits: Sendable {
    /// From the first byte of a request to the end of its head.
    var head = TimeAmount.seconds(10)
    /// From the end of a request's head to the end of its body.
    var body = TimeAmount.seconds(20)
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
    private var closesAfterReply = false

    init(limits: ReceiveLimits = ReceiveLimits()) {
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let observer = ByteObserver { [unowned self] in self.bytesArrived(context) }
        // It cannot fail: the pipeline is this handler's own and its event loop the current one.
        try? context.pipeline.syncOperations.addHandler(observer, position: .first)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    private func bytesArrived(_ context: ChannelHandlerContext) {
        guard phase == .idle else { return }
        phase = .receiving
        cut(context, after: limits.head)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            phase = .receiving
            cut(context, after: limits.body)
        case .body: break
        case .end:
            phase = .answering
            deadline?.cancel()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): closesAfterReply = head.headerFields[.connection] == "close"
        case .body: break
        case .end:
            if phase == .answering { phase = .idle }
            if closesAfterReply {
                context.writeAndFlush(data, promise: promise)
                return context.close(mode: .all, promise: nil)
            }
        }
        context.write(data, promise: promise)
    }

    private func cut(_ context: ChannelHandlerContext, after delay: TimeAmount) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            context.close(mode: .all, promise: nil)
        }
    }
}

/// Tells when bytes arrive, before anybody has understood them.
private final class ByteObserver: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytesArrived: () -> Void

    init(_ bytesArrived: @escaping () -> Void) {
        self.bytesArrived = bytesArrived
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytesArrived()
        context.fireChannelRead(data)
    }
}
