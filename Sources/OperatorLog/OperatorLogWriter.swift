public import Logging

/// What writes an operator's log.
public struct OperatorLogWriter: Sendable {
    private let info: LogOutput
    private let errors: LogOutput
    private let isStructured: Bool
    private let process: String
    private let version: String
    private let time: @Sendable () -> Int64

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
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var details = metadata.merging(event.metadata ?? [:]) { _, new in new }
            if let error = event.error { details["error"] = "\(error)" }
            log.write(event, label: label, details: details)
        }
    }
}
