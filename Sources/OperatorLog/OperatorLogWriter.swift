public import Logging
import LosslessJSON
import Synchronization

/// What writes an operator's log.
public struct OperatorLogWriter: Sendable {
    private let info: LogOutput
    private let errors: LogOutput
    private let format: LogFormat
    /// What names this run of the program.
    public let process: String
    private let version: String
    private let time: @Sendable () -> Int64
    private let threshold: Threshold

    /// Creates a log.
    ///
    /// - Parameters:
    ///   - info: where everything but errors goes.
    ///   - errors: where errors go.
    ///   - format: what lines look like.
    ///   - process: what names this run of the program.
    ///   - version: the release.
    ///   - time: the clock, in milliseconds since 1970.
    public init(
        info: LogOutput = .standardOutput, errors: LogOutput = .standardError, format: LogFormat = .supertokens,
        process: String, version: String, time: @escaping @Sendable () -> Int64
    ) {
        self.info = info
        self.errors = errors
        self.format = format
        self.process = process
        self.version = version
        self.time = time
        threshold = Threshold()
        let this = self
        for output in [info, errors] { output.countLosses { this.lossLine($0) } }
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

    /// Waits until what was logged is written, or a time has passed: a core that ends does not wait for a reader.
    ///
    /// - Parameter limit: how long to wait for each file, at most.
    public func flush(within limit: Duration = .milliseconds(500)) {
        for output in [info, errors, .standardOutput, .standardError] { output.flush(within: limit) }
    }

    private func write(_ event: LogEvent, label: String, details: Logger.Metadata) {
        let caller = (file: String(event.file.split(separator: "/").last ?? ""), line: event.line)
        let details = details.sorted { $0.key < $1.key }.map { (name: $0.key, value: Self.value($0.value)) }
        let line = line(event.level, label: label, caller, "\(event.message)", details)
        (event.level >= .error ? errors : info).write(line.text(as: format))
    }

    private func line(
        _ level: Logger.Level, label: String, _ caller: (file: String, line: UInt), _ message: String,
        _ details: [(name: String, value: JSONValue)]
    ) -> LogLine {
        LogLine(
            milliseconds: time(), level: level, process: process, version: version, label: label, caller: caller,
            message: message, details: details)
    }

    private func lossLine(_ count: Int) -> String {
        let message =
            "\(count) \(count == 1 ? "line was" : "lines were") lost: no one read this log, or it could not be written"
        return line(
            .warning, label: "tessera", (file: "LogOutput.swift", line: 1), message,
            [("lost", .integer(Int64(count)))]
        ).text(as: format)
    }

    /// Integers stay numbers where lines are JSON.
    private static func value(_ value: Logger.MetadataValue) -> JSONValue {
        if case .stringConvertible(let value) = value {
            if let number = value as? Int { return .integer(Int64(number)) }
            if let number = value as? Int64 { return .integer(number) }
        }
        return .string("\(value)")
    }

    private struct Handler: LogHandler {
        let log: OperatorLogWriter
        let label: String
        private var ownLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]
        /// What belongs to the work at hand, such as its trace.
        var metadataProvider: Logger.MetadataProvider?

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
            var details = metadataProvider?.get() ?? [:]
            details.merge(metadata) { _, new in new }
            details.merge(event.metadata ?? [:]) { _, new in new }
            if let error = event.error { details["error"] = "\(error)" }
            log.write(event, label: label, details: details)
        }
    }
}
