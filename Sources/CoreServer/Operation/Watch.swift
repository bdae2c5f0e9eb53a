public import ServiceLifecycle

/// Looks every second after what an operator reads once (``CoreAPI/watch(problem:)``).
public struct Watch: Service, CustomStringConvertible {
    private let api: CoreAPI
    private let problem: @Sendable () -> String?
    private let wait: @Sendable (Duration) async throws -> Void

    /// Watches a core.
    ///
    /// - Parameters:
    ///   - api: the core.
    ///   - problem: why storage cannot answer, where that is known without asking it.
    ///   - wait: how to let time pass; throws when the core stops.
    public init(
        _ api: CoreAPI, problem: @escaping @Sendable () -> String?,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.api = api
        self.problem = problem
        self.wait = wait
    }

    /// The name alone; libraries log their services.
    public var description: String { "Watch" }

    /// Watches until the core stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await wait(.seconds(1))) != nil { await api.watch(problem: problem()) }
        }
    }
}
