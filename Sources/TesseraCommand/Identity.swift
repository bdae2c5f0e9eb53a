import LosslessJSON
import NIOCore
import NIOPosix

/// Who answers where a core is said to be.
///
/// A process id that was given to another program meanwhile must never be told to end.
enum Identity {
    /// The core of that process id, with the configuration file it read.
    case core(configuration: String)
    /// Nobody, or another core.
    case somebodyElse
    /// Somebody who does not say.
    case unknown(String)

    /// Asks `GET /config?pid=`, which only the process of that id answers with OK
    /// (docs/specification/core.md 1.8 and 7.4).
    static func ask(_ instance: Instance) async -> Identity {
        let reply: String
        do {
            reply = try await exchange(instance)
        } catch let error as NIOConnectionError where error.connectionErrors.allSatisfy(\.isRefusal) {
            return .somebodyElse
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            return .somebodyElse
        } catch {
            return .unknown("\(error)")
        }
        guard let body = reply.range(ofFirst: "\r\n\r\n"), let line = reply.split(separator: "\r\n").first else {
            return .unknown("no answer")
        }
        guard let object = try? JSONValue(parsing: Array(reply[body...].utf8)).object else {
            return .unknown(String(line))
        }
        guard object["status"]?.string == "OK" else { return .somebodyElse }
        return .core(configuration: object["path"]?.string ?? "")
    }

    private static let limit = 64 * 1024
    private static let patience = TimeAmount.seconds(3)

    private static func exchange(_ instance: Instance) async throws -> String {
        let host = instance.reachableHost
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(patience)
            .connect(host: host, port: instance.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.eventLoop.assumeIsolated().scheduleTask(in: patience) { channel.close(promise: nil) }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let request =
            "GET \(instance.basePath)/config?pid=\(instance.pid) HTTP/1.1\r\n"
            + "Host: \(host.contains(":") ? "[\(host)]" : host):\(instance.port)\r\nConnection: close\r\n\r\n"
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
