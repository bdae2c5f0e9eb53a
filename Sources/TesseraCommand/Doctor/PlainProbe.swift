import Foundations
import NIOCore
import NIOHTTP1
import NIOPosix
import SessionDoctor

/// One request by plain HTTP on a connection of its own.
struct PlainProbe {
    private let transport: ProbeTransport
    private let clock = ClockAndRandomness.system.time

    init(_ transport: ProbeTransport) {
        self.transport = transport
    }

    private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    func send(_ request: ProbeRequest) async -> ProbeOutcome {
        do {
            let limit = TimeAmount.milliseconds(transport.timeout(of: request).count)
            let channel = try await connect(request.address, limit)
            return try await channel.executeThenClose { inbound, outbound in
                let start = clock()
                // In one piece: a server that answers the head at once and closes would make a later write fail.
                try await outbound.write(contentsOf: request.parts(after: head(request)))
                var reading = Reading(sentAt: start, bodyLimit: transport.bodyLimit)
                for try await part in inbound {
                    reading.take(part, at: clock())
                    if reading.isWhole || (request.isStream && reading.hasBody) { break }
                }
                return reading.outcome
            }
        } catch {
            return .failure(Self.failure(error))
        }
    }

    private func connect(_ address: WebAddress, _ limit: TimeAmount) async throws -> Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(limit)
            .connect(host: transport.target(of: address), port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.eventLoop.assumeIsolated().scheduleTask(in: limit) { channel.close(promise: nil) }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
    }

    private func head(_ request: ProbeRequest) -> HTTPRequestHead {
        var fields = HTTPHeaders([("Host", request.address.hostField), ("Connection", "close")])
        for field in request.fields { fields.add(name: field.name, value: field.value) }
        if !request.body.isEmpty || request.method == "POST" {
            fields.add(name: "Content-Length", value: "\(request.body.utf8.count)")
        }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target, headers: fields)
    }

    private static func failure(_ error: any Error) -> ProbeFailure {
        switch error {
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty { return .unknownName }
            let isRefused = error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
            return isRefused ? .refused : .transport("no connection")
        case let error as IOError where error.errnoCode == ECONNREFUSED: return .refused
        case is ChannelError: return .timeout
        case is HTTPParserError: return .transport("the answer is no HTTP")
        default: return .transport("the connection was closed")
        }
    }

    /// A reply that is being read.
    private struct Reading {
        let sentAt: Timestamp
        let bodyLimit: Int
        private var reply: ProbeReply?
        private var body: [UInt8] = []
        private(set) var isWhole = false

        init(sentAt: Timestamp, bodyLimit: Int) {
            (self.sentAt, self.bodyLimit) = (sentAt, bodyLimit)
        }

        var hasBody: Bool { !body.isEmpty }

        mutating func take(_ part: HTTPClientResponsePart, at time: Timestamp) {
            switch part {
            case .head(let head):
                let fields = head.headers.map { HeaderField($0.name, $0.value) }
                reply = ProbeReply(status: Int(head.status.code), fields: fields, sentAt: sentAt, receivedAt: time)
            case .body(let bytes):
                if body.isEmpty { reply?.bodyAfter = time - sentAt }
                body += bytes.readableBytesView.prefix(max(0, bodyLimit - body.count))
            case .end: isWhole = true
            }
        }

        /// What came; of a stream that was cut short, its head.
        var outcome: ProbeOutcome {
            guard var reply else { return .failure(.timeout) }
            reply.body = String(decoding: body, as: UTF8.self)
            return .reply(reply)
        }
    }
}

extension ProbeRequest {
    /// What goes out, the head first and the body if there is one.
    func parts(after head: HTTPRequestHead) -> [HTTPClientRequestPart] {
        let body = body.isEmpty ? [] : [HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body)))]
        return [.head(head)] + body + [.end(nil)]
    }
}
