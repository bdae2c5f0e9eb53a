package import Foundations
package import Logging
import ServiceLifecycle
package import SessionEngine
import SessionStorage

/// Delivers security events to their receivers while a core runs, and has them kept for those that ask.
///
/// It stops within a second: an event that is on its way then is sent again later, under the same `jti`.
package struct EventDelivery: Service, CustomStringConvertible {
    private let streams: [EventStream]
    private let sessions: @Sendable (AppID) async -> SessionManager?
    private let sender: any EventSender
    private let clock: ClockAndRandomness
    private let owner: String
    private let wait: @Sendable (Duration) async throws -> Void
    private let polls: EventPolls
    private let figures: EventFigures
    private let logger: Logger

    /// Between two looks at what waits, for metrics.
    static let reportInterval = Milliseconds.seconds(15)
    /// Between two registrations of streams, for an app that was made meanwhile.
    static let registrationInterval = Milliseconds.seconds(60)

    /// Creates the delivery.
    ///
    /// - Parameters:
    ///   - sender: posts tokens.
    ///   - polls: answers those who ask.
    ///   - figures: the streams, and where is counted what becomes of events.
    ///   - sessions: the sessions of an app; `nil` where it does not exist or cannot be opened now.
    ///   - owner: a name that no other process has.
    ///   - clock: the clock and the source of randomness.
    ///   - wait: lets time pass; throws when the core stops.
    ///   - logger: where it is said that a receiver does not answer, once until it does.
    package init(
        _ sender: any EventSender, polls: EventPolls, figures: EventFigures,
        sessions: @escaping @Sendable (AppID) async -> SessionManager?, owner: String,
        clock: ClockAndRandomness = .system,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }, logger: Logger
    ) {
        (streams, self.sessions, self.sender, self.clock) = (figures.streams, sessions, sender, clock)
        (self.owner, self.wait, self.polls, self.figures, self.logger) = (owner, wait, polls, figures, logger)
    }

    /// The name alone; libraries log their services.
    package var description: String { "EventDelivery" }

    private var apps: [AppID: Set<EventStreamName>] {
        Dictionary(grouping: streams, by: \.app).mapValues { Set($0.map(\.name)) }
    }

    /// Has events kept for all streams of apps that exist, before anything can end a session.
    ///
    /// What fails is logged, and done again while the core runs.
    package func register() async {
        for (app, names) in apps { _ = await register(names, of: app) }
    }

    private func register(_ names: Set<EventStreamName>, of app: AppID) async -> Bool {
        guard let sessions = await sessions(app) else { return false }
        do {
            try await sessions.registerStreams(names)
            return true
        } catch {
            logger.warning("streams of security events are not registered", metadata: ["app": "\(app.rawValue)"])
            return false
        }
    }

    /// Works until the core stops.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await cancelWhenGracefulShutdown {
                await withTaskGroup { group in
                    for (app, names) in apps { group.addTask { await watch(names, of: app) } }
                    for stream in streams where stream.method.isSent { group.addTask { await deliver(stream) } }
                }
            }
        } onGracefulShutdown: {
            polls.stop()
        }
    }

    /// Registers the streams of an app, now and then also later, and reads what waits for them.
    private func watch(_ names: Set<EventStreamName>, of app: AppID) async {
        var registeredAt: Timestamp?
        repeat {
            let now = clock.time()
            let isDue = registeredAt.map { now < $0 || now >= $0 + Self.registrationInterval } ?? true
            if isDue, await register(names, of: app) { registeredAt = now }
            if let states = try? await sessions(app)?.eventStreams() { figures.note(states, of: app) }
        } while (try? await wait(.milliseconds(Self.reportInterval.count))) != nil
    }

    private func deliver(_ stream: EventStream) async {
        let (sessions, figures) = (sessions, figures)
        let delivery = StreamDelivery(
            stream: stream, sessions: { await sessions(stream.app) }, sender: sender, clock: clock, owner: owner,
            note: { figures.note($0, of: stream) })
        var state = StreamDelivery.State()
        var logged: String?
        while !Task.isCancelled {
            var span = StreamDelivery.standby
            do throws(ServiceError) {
                span = try await delivery.work(&state)
                report(state.problem, after: &logged, stream)
            } catch {
                report("storage does not answer", after: &logged, stream)
            }
            if span.count > 0, (try? await wait(.milliseconds(span.count))) == nil { break }
        }
        await delivery.release(&state)
    }

    /// Logs a problem once until it is another, and once that it is gone.
    private func report(_ problem: String?, after logged: inout String?, _ stream: EventStream) {
        guard problem != logged else { return }
        if let problem {
            logger.warning(
                "security events are not delivered", metadata: ["stream": "\(stream.label)", "reason": "\(problem)"])
        } else {
            logger.notice("security events are delivered again", metadata: ["stream": "\(stream.label)"])
        }
        logged = problem
    }
}
