import Foundations
import NIOCore
import NIOHTTP1

/// One connection of the admin page; requests are answered one after the other.
final class AdminHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    static let mostConnections = 32
    private static let longestBody = 16 * 1024
    private static let idle = TimeAmount.seconds(90)

    private let api: AdminAPI
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var feed: RepeatedTask?
    private var figures = LiveFeed()

    init(_ api: AdminAPI) { self.api = api }

    static func install(_ api: AdminAPI, on channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
        try pipeline.addHandler(IdleStateHandler(allTimeout: idle))
        try pipeline.addHandler(AdminHandler(api))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part):
            // Nothing that the page sends is so long.
            guard body.count + part.readableBytes <= Self.longestBody else { return context.close(promise: nil) }
            body += part.readableBytesView
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    /// The answer is made beside the event loop, which has requests to answer.
    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request = Self.request(head, body)
        body = []
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let api = api
        Task {
            let answer = await api.answer(request)
            here.eventLoop.execute {
                let (handler, context) = here.value
                switch answer {
                case .reply(let reply): handler.send(reply, to: head, context)
                case .live(let token): handler.beginFeed(token, head, context)
                }
            }
        }
    }

    private static func request(_ head: HTTPRequestHead, _ body: [UInt8]) -> AdminRequest {
        let read = RequestHead(head)
        var core = CoreRequest(
            method: read.method, path: read.path, query: read.query, authorization: read.fields.authorization,
            body: body)
        // Two hosts, or two of what there is one of, are no request of a page.
        let isClear = read.fields.hosts.count == 1 && !read.fields.isContradictory
        (core.host, core.origin, core.fetchSite) = (
            isClear ? read.host : nil, read.fields.origin, read.fields.fetchSite
        )
        return AdminRequest(core: core, isMarked: head.headers["x-tessera-admin"] == ["1"])
    }

    private func send(_ reply: AdminReply, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = AdminFields.all(reply)
        headers.add(name: "Content-Length", value: "\(reply.body.count)")
        headers.add(name: "Connection", value: head.isKeepAlive ? "keep-alive" : "close")
        let status = HTTPResponseStatus(statusCode: reply.status)
        write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)), context)
        if head.method != .HEAD { write(.body(.byteBuffer(ByteBuffer(bytes: reply.body))), context) }
        finish(closing: !head.isKeepAlive, context)
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(part), promise: nil)
    }

    private func finish(closing: Bool, _ context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        if closing {
            let channel = context.channel
            sent.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    /// Sends figures each second, until the session ends or the reader goes away.
    private func beginFeed(_ token: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET else { return send(AdminReply(.wrongMethod), to: head, context) }
        let reply = AdminReply(contentType: "text/event-stream", body: [])
        let headers = AdminFields.all(reply)
        write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)), context)
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let api = api
        feed = context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { task in
            let (handler, context) = here.value
            guard api.sessions.isLive(token) else {
                task.cancel()
                handler.write(.body(.byteBuffer(ByteBuffer(string: LiveFeed.end))), context)
                return handler.finish(closing: true, context)
            }
            // A reader that is slow misses figures; none are kept for it.
            guard context.channel.isWritable else { return }
            let event = handler.figures.event(LiveFigures(api.api), at: api.clock.time())
            context.writeAndFlush(handler.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: event)))), promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        feed?.cancel()
        feed = nil
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The fields of every reply of the admin listener.
enum AdminFields {
    /// Nothing but the page's own files is loaded, sent to or shown around it (docs/decisions/0042).
    static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'
        """

    static func all(_ reply: AdminReply) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "Content-Type": reply.contentType, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
        ]
        for (name, value) in reply.headers { headers.add(name: name, value: value) }
        return headers
    }
}
