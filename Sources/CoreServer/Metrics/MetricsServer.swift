import Foundations
import NIOCore
import NIOHTTP1
package import OperatorMetrics
import ServiceLifecycle

/// The page of metrics, on a listener of its own that is not the one of drivers.
///
/// It asks for no key; by its default address only this machine reaches it, and no web page (docs/decisions/0035).
package struct MetricsServer: Service, CustomStringConvertible {
    private let listener: any Channel
    private let host: String

    /// The port that is listened on.
    package var port: Int { listener.localAddress?.port ?? 0 }
    /// Where the page is.
    package var address: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)\(MetricsHandler.path)" }

    /// The name alone; libraries log their services.
    package var description: String { "MetricsServer" }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - registry: what is on the page.
    ///   - host: the address to listen on.
    ///   - port: the port; 0 takes a free one.
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    package init(_ registry: MetricRegistry, host: String, port: Int) async throws {
        let isLocal = Loopback.isLocal(host)
        listener = try await SideListener.open(host: host, port: port, most: MetricsHandler.mostConnections) {
            try MetricsHandler.install(registry, isLocal: isLocal, on: $0)
        }
        self.host = host
    }

    /// Answers until the core stops.
    package func run() async throws {
        try? await gracefulShutdown()
        try? await listener.close()
    }
}

/// One connection of a scraper.
private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    static let path = "/metrics"
    static let mostConnections = 32
    private static let idle = TimeAmount.seconds(90)

    private let registry: MetricRegistry
    private let isLocal: Bool
    private var head: HTTPRequestHead?

    init(_ registry: MetricRegistry, isLocal: Bool) {
        (self.registry, self.isLocal) = (registry, isLocal)
    }

    static func install(_ registry: MetricRegistry, isLocal: Bool, on channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
        try pipeline.addHandler(IdleStateHandler(allTimeout: idle))
        try pipeline.addHandler(MetricsHandler(registry, isLocal: isLocal))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        // A scraper has nothing to send.
        case .body: context.close(promise: nil)
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    /// The page is written beside the event loop, which has requests to answer.
    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if let (status, text) = refusal(of: head) {
            return send(status, "text/plain; charset=utf-8", text + "\n", head, context)
        }
        let format = MetricFormat(accepting: head.headers["accept"].joined(separator: ","))
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let registry = registry
        Task {
            let text = registry.text(format)
            here.eventLoop.execute {
                let (handler, context) = here.value
                handler.send(.ok, format.contentType, text, head, context)
            }
        }
    }

    private func refusal(of head: HTTPRequestHead) -> (HTTPResponseStatus, String)? {
        let read = RequestHead(head)
        if isLocal {
            var request = CoreRequest(method: read.method, path: read.path)
            (request.host, request.origin, request.fetchSite) = (read.host, read.fields.origin, read.fields.fetchSite)
            if PageGuard.refusal(of: request) != nil {
                return (.forbidden, "Metrics are answered to loopback names such as localhost, and to no web page.")
            }
        }
        guard read.path == Self.path else { return (.notFound, "Metrics are at \(Self.path).") }
        guard head.method == .GET || head.method == .HEAD else {
            return (.methodNotAllowed, "Metrics are read by GET.")
        }
        return nil
    }

    private func send(
        _ status: HTTPResponseStatus, _ type: String, _ text: String, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        let body = ByteBuffer(string: text)
        let headers: HTTPHeaders = [
            "Content-Type": type, "Content-Length": "\(body.readableBytes)", "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Connection": head.isKeepAlive ? "keep-alive" : "close",
        ]
        let version = HTTPVersion.http1_1
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: version, status: status, headers: headers))), promise: nil)
        if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        if !head.isKeepAlive {
            let channel = context.channel
            sent.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
