public import Logging
import Synchronization

/// What writes an operator's log.
public struct OperatorLogWriter: Sendable {
    private let info: LogOutput
    private let errors: LogOutput
    private let isStructured: Bool
    private let process: String
    private let version: String
    private let time: @Sendable () -> Int64
    private let threshold: Threshold

    /// Creates a log.
    ///
    /// - Parameters:
    ///   - info: where everything but errors goes.
    ///   - errors: where errors go.
    ///   - isStructured: whether lines are JSON objects.
    ///   - process: what names this run of the program.
    ///   - version: the release.
    ///   - time: the clock, in milliseconds since 1970.
    public init(
        info: LogOutput = .standardOutput, errors: LogOutput = .standardError, isStructured: Bool = false,
        process: String, version: String, time: @escaping @Sendable () -> Int64
    ) {
        self.info = info
        self.errors = errors
        self.isStructured = isStructured
        self.process = process
        self.version = version
        self.time = time
        threshold = Threshold()
    }

    /// How much is logged whatever a logger's own level is; `nil` for nothing.
    ///
    /// It counts at once for every logger that was ever made of this log.
    public var level: Logger.Level? {
        get { threshold.level.withLock(\.self) }
        nonmutating set { threshold.level.withLock { $0 = newValue } }
    }

    private final class Threshold: Sendable {
        let level = Mutex<Logger.Level?>(.trace)
    }

    /// Opens the files again after a rotation.
    public func reopen() {
        info.reopen()
        errors.reopen()
    }

    /// A handler for a logger.
    public func handler(label: String) -> any LogHandler { Handler(log: self, label: label) }

    private func write(_ event: LogEvent, label: String, details: Logger.Metadata) {
        let line = LogLine(
            milliseconds: time(), level: event.level, process: process, version: version, label: label,
            caller: "\(event.file.split(separator: "/").last ?? ""):\(event.line)", message: "\(event.message)",
            details: details.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") })
        let output = event.level >= .error ? errors : info
        output.write(isStructured ? line.json : line.text)
    }

    private struct Handler: LogHandler {
        let log: OperatorLogWriter
        let label: String
        private var ownLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        init(log: OperatorLogWriter, label: String) {
            self.log = log
            self.label = label
        }

        var logLevel: Logger.Level {
            get { max(ownLevel, log.level ?? .critical) }
            set { ownLevel = newValue }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard log.level != nil else { return }
            var details = metadata.merging(event.metadata ?? [:]) { _, new in new }
            if let error = event.error { details["error"] = "\(error)" }
            log.write(event, label: label, details: details)
        }
    }
}
