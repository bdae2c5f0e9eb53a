import Foundations
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// The admin page, on a listener of its own that is not the one of drivers (docs/decisions/0042).
package struct AdminServer: Service, CustomStringConvertible {
    private let listener: any Channel
    private let host: String

    /// The port that is listened on.
    package var port: Int { listener.localAddress?.port ?? 0 }
    /// Where the page is.
    package var address: String {
        "http://\(host.contains(":") ? "[\(host)]" : host):\(port)\(AdminRoute.page.rawValue)"
    }

    /// The name alone; libraries log their services.
    package var description: String { "AdminServer" }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - api: what answers.
    ///   - host: the address to listen on.
    ///   - port: the port; 0 takes a free one.
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    package init(_ api: AdminAPI, host: String, port: Int) async throws {
        listener = try await SideListener.open(host: host, port: port, most: AdminHandler.mostConnections) { channel in
            // The addresses that may ask are those that may ask drivers' questions.
            guard api.api.settings.peers?.admits(channel.remoteAddress?.ipAddress) ?? true else {
                return channel.close(promise: nil)
            }
            try AdminHandler.install(api, on: channel)
        }
        self.host = host
    }

    /// Answers until the core stops.
    package func run() async throws {
        try? await gracefulShutdown()
        try? await listener.close()
    }
}
