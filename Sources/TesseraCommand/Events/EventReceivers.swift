import CoreConfiguration
import CoreServer
import Foundations
import Logging
import PlatformLibC
import ServiceLifecycle
import SessionEngine
import SessionService

/// The security events of a core in this process, where the configuration names receivers.
struct EventReceivers: Sendable {
    /// What is sent to receivers.
    let delivery: EventDelivery
    /// What answers those who ask.
    let polls: EventPolls

    /// Prepares what the configuration wants, before anything can end a session; `nil` where it names no receivers.
    ///
    /// - Parameters:
    ///   - configuration: names the file.
    ///   - apps: the sessions of every app.
    ///   - metrics: shows what becomes of events.
    ///   - logger: where it is said that a receiver does not answer.
    /// - Throws: ``Failure`` for a file that cannot be used.
    static func open(
        _ configuration: OperatorConfiguration, _ apps: AppRegistry, _ metrics: TesseraMetrics, logger: Logger
    ) async throws -> EventReceivers? {
        let figures = EventFigures(of: try streams(of: configuration))
        // The families are on the page also where they have nothing to show.
        metrics.show(figures)
        guard !figures.streams.isEmpty else { return nil }
        let polls = EventPolls(figures)
        var random = ClockAndRandomness.system.random
        let delivery = EventDelivery(
            ReceiverTransport(), polls: polls, figures: figures, sessions: { await apps.service(of: $0) },
            owner: RandomText.uuid(using: &random), logger: logger)
        await delivery.register()
        return EventReceivers(delivery: delivery, polls: polls)
    }

    /// The receivers that a configuration names.
    ///
    /// - Throws: ``Failure`` for a file that cannot be used.
    static func streams(of configuration: OperatorConfiguration) throws -> [EventStream] {
        try configuration.eventStreamsFile.map { try streams(Paths.absolute($0)) } ?? []
    }

    /// Reads a file of receivers, which only the core and its administrators may read.
    ///
    /// - Throws: ``Failure`` that says what is wrong with it.
    private static func streams(_ path: String) throws -> [EventStream] {
        func failure(_ reason: String) -> Failure { Failure("event_streams_file: \(path): \(reason)") }
        let descriptor = PlatformLibC.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("it cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure("it is no regular file")
        }
        // A group may read it: so secrets are mounted into containers.
        guard status.st_mode & 0o027 == 0 else {
            throw failure("it holds secrets, and others may read or change it; run: chmod 600 \(path)")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw failure("it belongs to user \(status.st_uid), and this process is user \(geteuid())")
        }
        guard let bytes = contents(of: descriptor) else { throw failure("it cannot be read") }
        do throws(EventStreamFile.Problem) {
            return try EventStreamFile(bytes, path: path).streams
        } catch {
            throw Failure("event_streams_file: \(error)")
        }
    }

    private static func contents(of descriptor: Int32) -> [UInt8]? {
        var (contents, part) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        // One byte more than may be there shows that it is too long.
        while contents.count <= EventStreamFile.longest {
            let count = read(descriptor, &part, part.count)
            if count > 0 { contents.append(contentsOf: part[..<count]) }
            if count == 0 { break }
            if count < 0, errno != EINTR { return nil }
        }
        return contents
    }
}
