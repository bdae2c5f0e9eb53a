public import Foundations
public import Logging
public import ServiceLifecycle
public import SessionStorage
import Synchronization

/// Continues the chain over the audit log of every app (docs/decisions/0025), and writes when users were last seen.
///
/// A run that fails changes nothing, and the next one comes at its time; the first of several failures is logged.
public struct AuditChaining: Service, CustomStringConvertible {
    /// Between two writes of when users were last seen: a command that erases a user waits so long for it.
    public static let flushInterval = Duration.seconds(5)
    /// Between two additions to the chain.
    private static let interval = Duration.seconds(10)
    /// How many pages of an app are added at once: a stop does not wait for more.
    private static let mostPages = 1_000

    private let directory: any AppDirectory
    private let flush: @Sendable () async -> Void
    private let clock: ClockAndRandomness
    private let wait: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let isFailing = Failing()

    private final class Failing: Sendable {
        let value = Mutex(false)
    }

    /// Creates the job.
    ///
    /// - Parameters:
    ///   - directory: the apps.
    ///   - flush: writes when users were last seen.
    ///   - clock: the time.
    ///   - wait: how to let time pass; throws when the core stops.
    ///   - logger: where failures are logged.
    public init(
        directory: any AppDirectory, flush: @escaping @Sendable () async -> Void, clock: ClockAndRandomness = .system,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }, logger: Logger
    ) {
        self.directory = directory
        self.flush = flush
        self.clock = clock
        self.wait = wait
        self.logger = logger
    }

    /// The name alone; libraries log their services.
    public var description: String { "AuditChaining" }

    /// Works until the core stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask { while (try? await wait(Self.interval)) != nil { await chain() } }
                group.addTask { while (try? await wait(Self.flushInterval)) != nil { await flush() } }
            }
        }
    }

    /// Chains all that can be chained now.
    public func chain() async {
        do throws(StorageError) {
            for app in try await directory.names() {
                let storage = directory.storage(of: app)
                for _ in 0..<Self.mostPages where !Task.isCancelled {
                    if try await storage.chainAuditLog(at: clock.time()) == 0 { break }
                }
            }
            isFailing.value.withLock { $0 = false }
        } catch {
            let isFirst = isFailing.value.withLock { isFailing in
                defer { isFailing = true }
                return !isFailing
            }
            if isFirst {
                logger.error("the audit log is not chained", metadata: ["error": .string(error.debugDescription)])
            }
        }
    }
}
