public import ServiceLifecycle
import SessionService

/// Ends the waiting of those who read the feed when the core stops, so that the server need not wait for them.
public struct FeedEnd: Service, CustomStringConvertible {
    private let apps: AppRegistry

    /// Watches over the feeds of apps.
    public init(apps: AppRegistry) { self.apps = apps }

    /// The name alone; libraries log their services.
    public var description: String { "FeedEnd" }

    /// Waits until the core stops.
    public func run() async throws {
        try? await gracefulShutdown()
        for service in await apps.services() { await service.stopFeed() }
    }
}
