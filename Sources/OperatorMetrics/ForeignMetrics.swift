package import CoreMetrics
import Synchronization

/// Lets the instruments of libraries, made through swift-metrics, appear on the same page.
///
/// Their labels are not a closed set, so that there is a limit: what comes beyond is not counted.
package final class ForeignMetrics: MetricsFactory {

    /// The most series of one name, and the most names.
    private static let (mostSeries, mostNames) = (100, 200)

    private let registry: MetricRegistry
    private let families = Mutex<[String: ForeignFamily]>([:])

    /// Shows what libraries count.
    ///
    /// - Parameter registry: on whose page.
    package init(_ registry: MetricRegistry) { self.registry = registry }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let name = MetricName.sanitized(label)
        return instrument(name.hasSuffix("_total") ? name : name + "_total", .counter, dimensions)
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        let name = MetricName.sanitized(label)
        return instrument(name.hasSuffix("_total") ? name : name + "_total", .counter, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(MetricName.sanitized(label), .gauge, dimensions)
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        instrument(MetricName.sanitized(label), aggregate ? .histogram : .gauge, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = MetricName.sanitized(label)
        return instrument(name.hasSuffix("_seconds") ? name : name + "_seconds", .histogram, dimensions)
    }

    // Instruments stay until the process ends: what they counted is not taken back.
    package func destroyCounter(_: any CounterHandler) {}
    package func destroyFloatingPointCounter(_: any FloatingPointCounterHandler) {}
    package func destroyMeter(_: any MeterHandler) {}
    package func destroyRecorder(_: any RecorderHandler) {}
    package func destroyTimer(_: any TimerHandler) {}

    private func instrument(
        _ name: String, _ kind: MetricFamily.Kind, _ dimensions: [(String, String)]
    ) -> ForeignInstrument {
        let dimensions = dimensions.map { (MetricName.sanitized($0.0), $0.1) }
        // A name twice, or that of a bucket's limit, would make the whole page unreadable.
        let names = Set(dimensions.map(\.0))
        guard names.count == dimensions.count, !names.contains("le") else { return ForeignInstrument() }
        let (family, isNew) = families.withLock { families -> (ForeignFamily?, Bool) in
            if let known = families[name] { return (known, false) }
            guard families.count < Self.mostNames else { return (nil, false) }
            let description = MetricDescription(
                name, "Counted by a library of this program.", labels: dimensions.map(\.0))
            let family = ForeignFamily(description, kind)
            families[name] = family
            return (family, true)
        }
        if isNew, let family { registry.add(family) }
        return family?.instrument(dimensions, most: Self.mostSeries) ?? ForeignInstrument()
    }
}

/// The series of one name.
final class ForeignFamily: MetricSource {
    let description: MetricDescription
    private let kind: MetricFamily.Kind
    private let series = Mutex<[[String]: ForeignInstrument]>([:])

    init(_ description: MetricDescription, _ kind: MetricFamily.Kind) {
        (self.description, self.kind) = (description, kind)
    }

    /// The series with these labels; one whose labels have other names has no place here.
    func instrument(_ dimensions: [(String, String)], most: Int) -> ForeignInstrument? {
        guard dimensions.map(\.0) == description.labels else { return nil }
        let labels = dimensions.map(\.1)
        return series.withLock { series in
            if let known = series[labels] { return known }
            guard series.count < most else { return nil }
            let instrument = ForeignInstrument(isSpan: description.name.hasSuffix("_seconds"))
            series[labels] = instrument
            return instrument
        }
    }

    func family() -> MetricFamily {
        let present = series.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        let samples = present.map { labels, instrument in
            MetricFamily.Sample(
                labels: labels, value: kind == .histogram ? .histogram(instrument.snapshot) : .number(instrument.number)
            )
        }
        return MetricFamily(description: description, kind: kind, samples: samples)
    }
}

/// One instrument of a library.
final class ForeignInstrument: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler
{
    private struct State {
        var number = 0.0
        var counts: [UInt64]
        var sum = 0.0
    }

    private static let limits = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
    private static let sizes = [1.0, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
    private let bounds: [Double]
    private let state: Mutex<State>

    init(isSpan: Bool = false) {
        bounds = isSpan ? Self.limits : Self.sizes
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    var number: Double { state.withLock(\.number) }
    var snapshot: HistogramSnapshot {
        state.withLock { HistogramSnapshot(limits: bounds, counts: $0.counts, sum: $0.sum) }
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.number += amount } }
    func decrement(by amount: Double) { state.withLock { $0.number -= amount } }
    func reset() { state.withLock { $0.number = 0 } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.number = value } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            state.number = value
            guard value.isFinite else { return }
            state.counts[bounds.firstIndex { value <= $0 } ?? bounds.count] &+= 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
