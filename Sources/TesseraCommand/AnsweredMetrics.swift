import CoreConfiguration
import CoreMetrics
import CoreServer
import Foundations
import OperatorMetrics
import ServiceLifecycle
import SessionEngine
import SessionStorage

/// Where the metrics of a core in this process are answered, if they are.
struct AnsweredMetrics: Sendable {
    /// Where it is, for the operator.
    let place: String
    /// Why it is not answered although it was not turned off.
    var note: String?
    /// What answers it.
    var services: [any Service] = []

    /// Adds what a core says of itself to the page, and answers it where the configuration says.
    ///
    /// A second core on a machine starts although the first one has the standard port; an address that was given has to be
    /// free.
    ///
    /// - Throws: ``Failure`` for an address that was given and cannot be listened on.
    static func open(
        _ metrics: TesseraMetrics, _ api: CoreAPI, _ storage: CoreStorage, _ configuration: OperatorConfiguration
    ) async throws -> AnsweredMetrics {
        storage.observeCommits { metrics.committed($0, $1) }
        let facts = BuildFacts(
            version: Tessera.version, storage: storage.isShared ? .postgresql : .sqlite,
            restoreNumber: storage.apps.storage(of: .public).restoreNumber)
        metrics.show(api, facts, storage.gauges)
        ProcessMetrics.add(to: metrics.registry, startTime: ClockAndRandomness.system.time().inSeconds)
        // What libraries count lands on the same page.
        MetricsSystem.bootstrap(ForeignMetrics(metrics.registry))
        guard let address = configuration.metrics else { return AnsweredMetrics(place: "off (metrics_listen)") }
        do {
            let server = try await MetricsServer(metrics.registry, host: address.host, port: address.port)
            return AnsweredMetrics(place: server.address, services: [server])
        } catch let error as ListenError {
            let advice = "Set 'metrics_listen' to a free address, or to off."
            if configuration.isMetricsAddressGiven { throw Failure("metrics_listen: \(error) \(advice)") }
            return AnsweredMetrics(place: "not answered", note: "Metrics are not answered: \(error) \(advice)")
        }
    }
}

extension CoreStorage {
    /// The same storage, whose steps are timed and counted.
    ///
    /// - Parameters:
    ///   - metrics: where.
    ///   - isTraced: whether they are recorded in the traces of requests too.
    func measured(by metrics: TesseraMetrics, isTraced: Bool) -> CoreStorage {
        var measured = self
        let system: DatabaseSystem = isShared ? .postgresql : .sqlite
        measured.apps = MeasuredDirectory(apps, metrics, traced: isTraced ? system : nil)
        return measured
    }
}
