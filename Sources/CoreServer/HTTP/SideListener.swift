import NIOCore
import NIOPosix
import OperatorMetrics

/// A small listener beside the one of drivers, for a few connections of operators.
enum SideListener {
    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - host: the address to listen on.
    ///   - port: the port; 0 takes a free one.
    ///   - most: how many connections there are at once; more are closed.
    ///   - install: prepares a connection.
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    static func open(
        host: String, port: Int, most: Int, _ install: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let room = Room(most)
        do {
            return try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.backlog, value: 16)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    guard room.enter(channel) else { return channel.close() }
                    return channel.eventLoop.makeCompletedFuture { try install(channel) }
                }
                .bind(host: host, port: port).get()
        } catch {
            throw ListenError(host: host, port: port, reason: (error as? IOError)?.description ?? "\(error)")
        }
    }
}

/// How many connections there are at once; more are closed, and none lasts.
private final class Room: Sendable {
    private let present = MetricLevel()
    private let most: Int

    init(_ most: Int) { self.most = most }

    func enter(_ channel: any Channel) -> Bool {
        guard present.value < Double(most) else { return false }
        let present = present
        present.enter()
        channel.closeFuture.whenComplete { _ in present.leave() }
        return true
    }
}
