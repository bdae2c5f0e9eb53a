import Foundations
import NIOCore
import SessionEngine
import Synchronization

/// Writes replies as HTTP/1.1.
struct ReplyBytes: Sendable {
    private let idleSeconds: Int64
    private let date = DateField()

    init(idle: TimeAmount) { idleSeconds = idle.nanoseconds / 1_000_000_000 }

    /// The bytes of a reply.
    ///
    /// - Parameters:
    ///   - reply: the reply.
    ///   - isHead: whether the method was `HEAD`, whose reply has no body.
    ///   - isVersion10: whether the request was of HTTP/1.0, which needs a header that the connection stays open.
    ///   - isLast: whether the connection ends with it.
    ///   - now: the time for the field `Date`.
    ///   - allocator: where the bytes go.
    func bytes(
        of reply: CoreReply, isHead: Bool, isVersion10: Bool, isLast: Bool, at now: Timestamp,
        _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 512 + reply.body.count)
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(Self.status(reply.status))
        buffer.writeStaticString("\r\nDate: ")
        buffer.writeBytes(date.bytes(at: now))
        if reply.status != 204 {
            buffer.writeStaticString("\r\nContent-Type: ")
            buffer.writeString(reply.contentType)
        }
        buffer.writeStaticString(Self.guards)
        // Replies hold tokens: no cache may keep them (RFC 6749 section 5.1), except where the reply says how long.
        if !reply.headers.contains(where: { $0.name == "Cache-Control" }) {
            buffer.writeStaticString("\r\nCache-Control: no-store")
        }
        for header in reply.headers { Self.write(header, to: &buffer) }
        if isLast {
            buffer.writeStaticString("\r\nConnection: close")
        } else {
            if isVersion10 { buffer.writeStaticString("\r\nConnection: keep-alive") }
            buffer.writeStaticString("\r\nKeep-Alive: timeout=")
            buffer.writeString(String(idleSeconds))
        }
        let hasContent = reply.status != 304 && reply.status != 204
        if hasContent {
            buffer.writeStaticString("\r\nContent-Length: ")
            buffer.writeString(String(reply.body.count))
        }
        buffer.writeStaticString("\r\n\r\n")
        if !isHead, hasContent { buffer.writeBytes(reply.body) }
        return buffer
    }

    /// What keeps a browser that shows a reply from running anything in it (OWASP ASVS 3.4).
    private static let guards: StaticString = """
        \r\nX-Content-Type-Options: nosniff\
        \r\nContent-Security-Policy: default-src 'none'\
        \r\nCross-Origin-Resource-Policy: same-origin\
        \r\nReferrer-Policy: no-referrer
        """

    /// A header whose value could end the line is left out; none of ours can.
    private static func write(_ header: (name: String, value: String), to buffer: inout ByteBuffer) {
        guard !header.value.utf8.contains(where: { $0 == 13 || $0 == 10 || $0 == 0 }) else { return }
        buffer.writeStaticString("\r\n")
        buffer.writeString(header.name)
        buffer.writeStaticString(": ")
        buffer.writeString(header.value)
    }

    private static func status(_ code: Int) -> String {
        switch code {
        case 200: "200 OK"
        case 204: "204 No Content"
        case 304: "304 Not Modified"
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 403: "403 Forbidden"
        case 404: "404 Not Found"
        case 405: "405 Method Not Allowed"
        case 408: "408 Request Timeout"
        case 413: "413 Content Too Large"
        case 414: "414 URI Too Long"
        case 417: "417 Expectation Failed"
        case 431: "431 Request Header Fields Too Large"
        case 500: "500 Internal Server Error"
        case 501: "501 Not Implemented"
        case 503: "503 Service Unavailable"
        case 505: "505 HTTP Version Not Supported"
        case 507: "507 Insufficient Storage"
        default: "\(code) Status"
        }
    }
}

/// The field `Date` (RFC 9110 section 5.6.7), put together once a second.
private final class DateField: Sendable {
    private let known = Mutex((second: Int64.min, text: [UInt8]()))

    func bytes(at time: Timestamp) -> [UInt8] {
        let now = time.wholeSeconds
        return known.withLock { known in
            if known.second != now { known = (now, Array(HTTPDate.text(time).utf8)) }
            return known.text
        }
    }
}
