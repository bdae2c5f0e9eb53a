public import Logging
public import ServiceLifecycle
import SessionStorage

/// Compares the signing keys in memory with those in storage every second: a key that an operator retires, or deletes,
/// neither signs nor verifies anywhere a second later (docs/decisions/0024).
///
/// While storage is unreachable the keys in memory stay in use.
public struct KeyWatch: Service, CustomStringConvertible {
    private let apps: AppRegistry
    private let wait: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    /// How long a change of the keys may take to be noticed.
    static let interval = Duration.milliseconds(500)

    /// Watches the keys of apps.
    ///
    /// - Parameters:
    ///   - apps: whose keys.
    ///   - wait: how to let time pass; throws when the core stops.
    ///   - logger: where it says that the keys could not be compared.
    public init(
        apps: AppRegistry,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        logger: Logger
    ) {
        self.apps = apps
        self.wait = wait
        self.logger = logger
    }

    /// The name alone; libraries log their services.
    public var description: String { "KeyWatch" }

    /// Works until the core stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await wait(Self.interval)) != nil {
                do throws(StorageError) { try await apps.followKeys() } catch {
                    logger.debug("signing keys not compared", metadata: ["error": .string(error.debugDescription)])
                }
            }
        }
    }
}
