import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import CoreServer

/// Slow senders are cut, in virtual time.
struct ConnectionGuardTests {
    /// Stands for the HTTP decoder: `h` ends a head, `b` is some body, `e` ends the request, all else is half a line.
    private final class FakeDecoder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = HTTPRequestPart

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch String(buffer: unwrapInboundIn(data)) {
            case "h":
                let head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/")
                context.fireChannelRead(wrapInboundOut(.head(head)))
            case "b": context.fireChannelRead(wrapInboundOut(.body(ByteBuffer(string: "x"))))
            case "e": context.fireChannelRead(wrapInboundOut(.end(nil)))
            default: break
            }
        }
    }

    private let channel: EmbeddedChannel

    init() throws {
        let limits = ReceiveLimits(head: .seconds(10), body: .seconds(20))
        channel = EmbeddedChannel(handlers: [FakeDecoder(), ConnectionGuard(limits: limits)])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ text: String) {
        channel.pipeline.fireChannelRead(ByteBuffer(string: text))
    }

    private func reply(closing: Bool = false) throws {
        var head = HTTPResponse(status: .ok)
        if closing { head.headerFields[.connection] = "close" }
        try channel.writeOutbound(HTTPResponsePart.head(head))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
    }

    private func wait(_ seconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
    }

    @Test("silence before a request is the idle timeout's business, not the guard's")
    func silence() {
        wait(3_600)
        #expect(channel.isActive)
    }

    @Test("a head that dribbles in for ten seconds ends the connection")
    func slowHead() {
        for _ in 0..<10 {
            receive("x")
            #expect(channel.isActive)
            wait(1)
        }
        #expect(!channel.isActive)
    }

    @Test("a body that dribbles in for twenty seconds ends the connection")
    func slowBody() {
        receive("x")
        wait(9)
        receive("h")
        for _ in 0..<20 {
            receive("b")
            #expect(channel.isActive)
            wait(1)
        }
        #expect(!channel.isActive)
    }

    @Test("a complete request may be answered slowly, and the next one has its own time")
    func slowAnswer() throws {
        for _ in 0..<3 {
            receive("h")
            receive("e")
            wait(3_600)
            #expect(channel.isActive)
            try reply()
        }
        receive("x")
        wait(10)
        #expect(!channel.isActive)
    }

    @Test("a reply that says close closes, whatever the client still sends")
    func closingReply() throws {
        receive("h")
        try reply(closing: true)
        #expect(!channel.isActive)
    }
}
