import CoreConfiguration
import CoreServer
import Foundations
import Logging
import OperatorTracing
import ServiceLifecycle

/// The traces of a core in this process, where they are wanted: what records them, and what exports them.
struct TraceExport: Service, CustomStringConvertible {
    let tracer: Tracer
    private let exporter: SpanExporter
    /// Where spans go, for the operator.
    let place: String

    /// How long the end of the core waits for the last export.
    private static let lastExport = Duration.seconds(3)

    var description: String { "TraceExport" }

    /// Prepares what the configuration wants; `nil` where it wants nothing.
    ///
    /// - Parameters:
    ///   - configuration: says where spans go.
    ///   - metrics: counts them.
    ///   - instance: what names this run in its log.
    ///   - logger: where failures are logged, once until exports go well again.
    /// - Throws: ``Failure`` for a file that cannot be written.
    init?(
        _ configuration: OperatorConfiguration, _ metrics: TesseraMetrics, instance: String, logger: Logger
    ) throws {
        let receiver: any SpanReceiver
        switch configuration.tracing {
        case nil: return nil
        case .file(let path)?: receiver = try TraceFile(path)
        case .collector(let address)?: receiver = try TraceCollector(address)
        }
        tracer = Tracer(metrics.spanQueue(), ratio: configuration.traceSampleRatio)
        place = receiver.place
        exporter = SpanExporter(
            tracer.spans, to: receiver, from: SpanResource(version: Tessera.version, instance: instance),
            metrics.exportReports { problem in
                if let problem {
                    logger.warning("traces are not exported", metadata: ["reason": "\(problem)"])
                } else {
                    logger.notice("traces are exported again")
                }
            })
    }

    /// Exports until the core ends, and waits a moment for what is left.
    func run() async throws {
        let work = Task { [exporter] in await exporter.run() }
        try? await gracefulShutdown()
        exporter.end()
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let waits = [
            Task {
                await work.value
                end.finish()
            },
            Task {
                try? await Task.sleep(for: Self.lastExport)
                end.finish()
            },
        ]
        for await _ in ends {}
        waits.last?.cancel()
    }

    /// What goes into each line that is logged for a request.
    static let logMetadata = Logger.MetadataProvider {
        guard let trace = RequestTrace.current else { return [:] }
        return ["trace_id": "\(trace.traceID.hex)", "span_id": "\(trace.spanID.hex)"]
    }
}
