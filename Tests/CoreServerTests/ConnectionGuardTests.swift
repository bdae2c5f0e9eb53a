import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import CoreServer

/// Slow senders are cut, in virtual time.
struct ConnectionGuardTests {
    /// Stands for the HTTP decoder, a character a part: `h` is a head, `b` some body, `B` the last of it, `e` an end with
    /// its empty line, all else half a line that it keeps.
    private final class FakeDecoder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = HTTPRequestPart

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for character in String(buffer: unwrapInboundIn(data)) {
                switch character {
                case "h":
                    let head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/")
                    context.fireChannelRead(wrapInboundOut(.head(head)))
                case "b": context.fireChannelRead(wrapInboundOut(.body(ByteBuffer(string: "b"))))
                case "B":
                    context.fireChannelRead(wrapInboundOut(.body(ByteBuffer(string: "B"))))
                    context.fireChannelRead(wrapInboundOut(.end(nil)))
                case "e": context.fireChannelRead(wrapInboundOut(.end(nil)))
                default: break
                }
            }
        }
    }

    private let channel: EmbeddedChannel

    init() throws {
        let limits = ReceiveLimits(head: .seconds(10), body: .seconds(20))
        // The end of the request is told apart by its bytes, see `receive`.
        channel = EmbeddedChannel(handlers: [FakeDecoder(), ConnectionGuard(limits: limits)])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ text: String) {
        channel.pipeline.fireChannelRead(ByteBuffer(string: text.hasSuffix("e") ? text + "\r\n\r\n" : text))
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

    @Test("a second head that stops has its own ten seconds, in the same bytes as the first request or in later ones")
    func pipelinedHead() throws {
        for (first, second) in [("hex", nil), ("hbex", nil), ("he", "x")] {
            let test = try ConnectionGuardTests()
            test.receive(first)
            if let second { test.receive(second) }
            test.wait(3_600)
            #expect(test.channel.isActive, "the core is slow, not the client")
            try test.reply()
            test.wait(9)
            #expect(test.channel.isActive)
            test.wait(1)
            #expect(!test.channel.isActive, "\(first)")
        }
    }

    @Test("a request that ends with its body leaves nothing behind")
    func bodyAtTheEnd() throws {
        receive("hx")
        receive("xB")
        try reply()
        wait(3_600)
        #expect(channel.isActive)
    }

    @Test("a reply that says close closes, at once or when the client has sent what nobody wants")
    func closingReply() throws {
        receive("he")
        try reply(closing: true)
        #expect(!channel.isActive)
    }

    @Test("a client that sends what nobody wants may finish soon and has two seconds")
    func unwantedBody() throws {
        for ends in [true, false] {
            let test = try ConnectionGuardTests()
            test.receive("h")
            try test.reply(closing: true)
            test.wait(1)
            #expect(test.channel.isActive)
            if ends { test.receive("e") } else { test.wait(1) }
            #expect(!test.channel.isActive)
        }
    }
}
