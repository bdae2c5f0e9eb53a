public import Logging
import NIOCore
import NIOPosix
import OperatorMetrics
public import ServiceLifecycle

/// The core's interface on a socket, or that of a sidecar.
public struct CoreHTTPServer: Service, CustomStringConvertible {
    private let served: any ServedInterface
    private let host: String
    private let port: Int
    private let logger: Logger
    private let limits: ServerLimits
    private let onRunning: @Sendable (Int) async -> Void
    /// A socket that listens already, which the process that started this one has opened; host and port are its own.
    package var socket: CInt?

    /// Creates a server.
    ///
    /// - Parameters:
    ///   - api: what answers.
    ///   - host: the address to listen on.
    ///   - port: the port; 0 lets the system choose.
    ///   - idleTimeout: how long a connection may be silent between requests, in seconds.
    ///   - logger: where the server logs; never a token.
    ///   - onRunning: called with the port once the server listens.
    public init(
        api: CoreAPI, host: String, port: Int, idleTimeout: Int = 75, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        served = api
        self.host = host
        self.port = port
        self.logger = logger
        self.onRunning = onRunning
        var limits = ServerLimits()
        limits.idle = .seconds(Int64(idleTimeout))
        self.limits = limits
    }

    /// Creates a sidecar's server.
    ///
    /// - Parameters:
    ///   - edge: what answers.
    ///   - host: the address to listen on.
    ///   - port: the port; 0 lets the system choose.
    ///   - logger: where the server logs; never a token.
    ///   - onRunning: called with the port once the server listens.
    package init(
        _ edge: EdgeAPI, host: String, port: Int, logger: Logger, onRunning: @escaping @Sendable (Int) async -> Void
    ) {
        served = edge
        (self.host, self.port, self.logger, self.onRunning) = (host, port, logger, onRunning)
        limits = .sidecar
    }

    /// The name alone; libraries log their services.
    public var description: String { "CoreServer" }

    /// Serves until the service group shuts down; requests that have begun are answered first.
    ///
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    public func run() async throws {
        let roster = ConnectionRoster(Capacity(descriptors: FileLimit.increased()), logger)
        let door = Door(served, limits: limits, roster: roster)
        let listener: any Channel
        do {
            listener = try await listen(door)
        } catch {
            throw ListenError(host: host, port: port, reason: Self.reason(of: error))
        }
        await onRunning(listener.localAddress?.port ?? 0)
        // It throws when the task is cancelled, which ends the server too, and at once.
        let isGraceful = (try? await gracefulShutdown()) != nil && !Task.isCancelled
        // Health checks on connections that are open see first that the core ends.
        served.drain()
        await stopAccepting(listener)
        roster.drain()
        if !isGraceful { roster.closeAll() }
        let end = listener.eventLoop.scheduleTask(in: limits.drain) { roster.closeAll() }
        await roster.emptied()
        end.cancel()
    }

    private func listen(_ door: Door) async throws -> any Channel {
        let bootstrap = bootstrap(door)
        if let socket { return try await bootstrap.withBoundSocket(socket).get() }
        return try await bootstrap.bind(host: host, port: port).get()
    }

    /// Ends accepting, so that no connection is lost that has been accepted: what waits in the queue of a socket that
    /// others hold too is left to them, and closing the listener would drop those that are not set up yet.
    private func stopAccepting(_ listener: any Channel) async {
        try? await listener.setOption(.autoRead, value: false).get()
        // A connection goes to its event loop, back to the listener's, and to its own again.
        let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
        for loop in loops + [listener.eventLoop] + loops { try? await loop.submit {}.get() }
        try? await listener.close()
    }

    private func bootstrap(_ door: Door) -> ServerBootstrap {
        ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptFaults(door), position: .first)
                }
            }
            .childChannelInitializer { channel in
                guard let seat = door.roster.enter(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    try ConnectionHandler.install(door, seat, on: channel)
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // What a reader that stalls makes the system keep; a reader that is slow is seen to take bytes.
            .childChannelOption(.socketOption(.so_sndbuf), value: 64 * 1024)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: limits.read))
    }

    private static func reason(of error: any Error) -> String {
        (error as? IOError)?.description ?? "\(error)"
    }
}

/// Notices that the system has no descriptor for one more connection; accepting pauses for a second by itself.
private final class AcceptFaults: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let door: Door

    init(_ door: Door) { self.door = door }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is IOError {
            door.metrics.refused.add(.descriptors)
            door.roster.acceptFailed(error, at: context.eventLoop.now)
        }
        context.fireErrorCaught(error)
    }
}
