import NIOCore
import PlatformLibC

/// Gives the decoder the bytes of one request at a time.
///
/// A decoder that gets a read with a hundred requests makes a hundred of them at once. Here they stay bytes until the
/// request before them is answered, and while some are kept nothing more is read.
final class ByteGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ConnectionHandler
    private var context: ChannelHandlerContext?
    private var kept = ByteBuffer()
    private var slicer = RequestSlicer()
    private var owesRead = false
    private var owesEnd = false
    /// The bytes that the request began with, at least up to the end of its first line.
    private(set) var beginning = ByteBuffer()
    private var isFeeding = false

    init(_ connection: ConnectionHandler) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if kept.readableBytes == 0 { kept = bytes } else { kept.writeBuffer(&bytes) }
        feed(context)
    }

    /// Goes on with what is kept, when a request was answered.
    func proceed() {
        guard !isFeeding, let context else { return }
        feed(context)
        if owesRead { read(context: context) }
    }

    func read(context: ChannelHandlerContext) {
        owesRead = kept.readableBytes > 0
        if !owesRead { context.read() }
    }

    private func feed(_ context: ChannelHandlerContext) {
        isFeeding = true
        defer { isFeeding = false }
        while kept.readableBytes > 0, !connection.holdsBytes {
            let count = length(of: kept)
            guard let slice = kept.readSlice(length: count) else { return }
            note(slice)
            connection.bytesArrived()
            context.fireChannelRead(wrapInboundOut(slice))
        }
        if kept.readableBytes == 0 { kept = ByteBuffer() }
        connection.bytesPassed()
        if owesEnd, !connection.holdsBytes {
            owesEnd = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    /// The end of what a client sends comes after what it has sent.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed, kept.readableBytes > 0 || connection.holdsBytes {
            owesEnd = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Keeps the line that a request begins with, to say what is wrong with it.
    private func note(_ slice: ByteBuffer) {
        if connection.isIdle {
            beginning = slice
        } else if connection.isInHead, !beginning.readableBytesView.contains(13) {
            var slice = slice
            beginning.writeBuffer(&slice)
        }
    }

    private func length(of bytes: ByteBuffer) -> Int {
        guard let left = connection.bodyBytes else { return slicer.next(bytes) }
        slicer.reset()
        return min(left, bytes.readableBytes)
    }
}

/// Finds where a head or a chunked body may end: at an empty line.
struct RequestSlicer {
    /// How many bytes of an empty line the bytes before ended with.
    private var matched = 0
    private static let emptyLine: [UInt8] = [13, 10, 13, 10]

    /// The length up to the end of the first empty line, or of all there is.
    mutating func next(_ buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { bytes in
            var index = 0
            while index < bytes.count {
                if matched == 0 {
                    // Most bytes are those of a line.
                    guard let base = bytes.baseAddress, let found = memchr(base + index, 13, bytes.count - index) else {
                        return bytes.count
                    }
                    index = UnsafeRawPointer(found) - base
                }
                let byte = bytes[index]
                index += 1
                if byte == Self.emptyLine[matched] {
                    matched += 1
                } else {
                    matched = byte == 13 ? 1 : 0
                }
                if matched == Self.emptyLine.count {
                    matched = 0
                    return index
                }
            }
            return bytes.count
        }
    }

    /// Begins again after a body of a known length.
    mutating func reset() { matched = 0 }
}
