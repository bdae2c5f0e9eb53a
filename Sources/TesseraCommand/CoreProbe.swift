import LosslessJSON
import NIOCore
import NIOPosix

/// Who answers where a core is said to be.
///
/// A process id that was given to another program meanwhile must never be terminated.
enum CoreProbe {
    /// The core of that process id, with the configuration file it read.
    case core(configuration: String)
    /// No process, or another one.
    case notACore
    /// A process that does not answer.
    case noAnswer(String)

    /// Asks `GET /config?pid=`, which only the process of that id answers with OK
    /// (docs/specification/core.md 1.8 and 7.4).
    static func ask(_ instance: Instance) async -> CoreProbe {
        let reply: String
        do {
            reply = try await answer(of: instance, to: "/config?pid=\(instance.pid)")
        } catch let error as NIOConnectionError where error.connectionErrors.allSatisfy(\.isRefusal) {
            return .notACore
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            return .notACore
        } catch {
            return .noAnswer("\(error)")
        }
        guard let body = reply.range(ofFirst: "\r\n\r\n"), let line = reply.split(separator: "\r\n").first else {
            return .noAnswer("no answer")
        }
        guard let object = try? JSONValue(parsing: Array(reply[body...].utf8)).object else {
            return .noAnswer(String(line))
        }
        guard object["status"]?.string == "OK" else { return .notACore }
        return .core(configuration: object["path"]?.string ?? "")
    }

    private static let limit = 64 * 1024
    private static let responseTimeout = TimeAmount.seconds(3)

    /// What a core answers to GET, head and body.
    ///
    /// - Parameters:
    ///   - instance: where it is.
    ///   - path: what it is asked for, below its base path.
    static func answer(of instance: Instance, to path: String) async throws -> String {
        try await answer(of: instance) { host in
            "GET \(instance.basePath)\(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
        }
    }

    /// What is answered to a request, head and body.
    ///
    /// - Parameters:
    ///   - instance: where.
    ///   - request: the request, given what its `Host` field has to be.
    static func answer(of instance: Instance, to request: (String) -> String) async throws -> String {
        let host = instance.reachableHost
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(responseTimeout)
            .connect(host: host, port: instance.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.eventLoop.assumeIsolated().scheduleTask(in: responseTimeout) { channel.close(promise: nil) }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let request = request("\(host.contains(":") ? "[\(host)]" : host):\(instance.port)")
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var reply = ByteBuffer()
            for try await part in inbound where reply.readableBytes < limit { reply.writeImmutableBuffer(part) }
            return String(buffer: reply)
        }
    }
}

extension SingleConnectionFailure {
    fileprivate var isRefusal: Bool { (error as? IOError)?.errnoCode == ECONNREFUSED }
}

extension String {
    /// What follows the first occurrence of a text.
    fileprivate func range(ofFirst mark: String) -> Index? {
        firstRange(of: mark)?.upperBound
    }
}
