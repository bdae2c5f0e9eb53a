import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers every request as `/hello` does, with nothing but SwiftNIO's HTTP/1 codec on one event loop.
///
/// What this costs is the unit *h* of the bars in Benchmarks/README.md.
@main
enum BareResponder {
    static func main() async throws {
        guard let port = CommandLine.arguments.dropFirst().first.flatMap(Int.init) else {
            print("usage: BareResponder PORT")
            return
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(Greeter())
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        try await channel.closeFuture.get()
    }
}

/// Writes one reply for each request once it is whole.
private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let text = StaticString("Hello\n")

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let body = context.channel.allocator.buffer(staticString: Self.text)
        let headers: HTTPHeaders = [
            "content-type": "text/plain; charset=utf-8", "content-length": String(body.readableBytes),
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
