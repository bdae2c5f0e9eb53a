import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle

/// The core's interface on a socket.
public struct CoreServer: Service, CustomStringConvertible {
    private let api: CoreAPI
    private let host: String
    private let port: Int
    private let logger: Logger
    private let onRunning: @Sendable (Int) async -> Void

    /// The most header bytes and header fields of one request (statement H04).
    static let maximumHeaderBytes = 16 * 1024
    static let maximumHeaderFields = 100
    /// The most connections at one time; more wait in the system's queue.
    private static let maximumConnections = 8_192
    /// How long a connection may be silent between requests.
    private static let idleTimeout = TimeAmount.seconds(60)

    /// Puts the interface on an address.
    ///
    /// - Parameters:
    ///   - api: what answers.
    ///   - host: the address to listen on.
    ///   - port: the port; 0 lets the system choose.
    ///   - logger: where the server tells of itself; never a token.
    ///   - onRunning: called with the port once the server listens.
    public init(
        api: CoreAPI, host: String, port: Int, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.api = api
        self.host = host
        self.port = port
        self.logger = logger
        self.onRunning = onRunning
    }

    /// The name alone; libraries log their services.
    public var description: String { "CoreServer" }

    /// Shares the processor between the threads that move bytes and those that sign; call it once, before ``run()``.
    ///
    /// A request is a few microseconds of I/O and up to hundreds of cryptography, which runs on Swift's own threads. With
    /// one thread for I/O on every two processors a verification costs about 7 % less CPU than with one on each, measured on
    /// two in three alternating runs; a sign-in costs the same.
    public static func shareProcessors() {
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 2)
    }

    /// Serves until the service group shuts down; requests that have begun are answered first.
    ///
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    public func run() async throws {
        let onRunning = onRunning
        let application = Application(
            responder: CoreResponder(api: api),
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [ConnectionGuard()],
                    idleTimeout: Self.idleTimeout,
                    httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                        maxHeaderFieldSize: Self.maximumHeaderBytes, maxHeaderListSize: Self.maximumHeaderBytes,
                        maxHeaderFieldCount: Self.maximumHeaderFields))),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? 0) },
            logger: logger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenError(host: host, port: port, reason: error.description)
        } catch let error as SocketAddressError {
            throw ListenError(host: host, port: port, reason: "\(error)")
        }
    }
}
