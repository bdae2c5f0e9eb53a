import OperatorTools
import Testing

@Suite("How tessera bench counts")
struct LatencyHistogramTests {
    @Test(
        "each duration is kept to three significant digits",
        arguments: [0, 1, 999, 2_047, 2_048, 4_095, 4_096, 123_456, 987_654_321, 3_600_000_000])
    func precision(_ value: Int64) {
        var histogram = LatencyHistogram()
        histogram.record(value)
        histogram.record(3_600_000_000)
        let found = histogram.quantile(0.5)
        #expect(found >= value && Double(found - value) <= Double(value) / 1_000, "\(found)")
    }

    @Test("quantiles, mean, maximum, and what is out of range")
    func quantiles() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == 0 && histogram.mean == 0)
        for value in 1...1_000 { histogram.record(Int64(value)) }
        #expect(histogram.quantile(0.5) == 500 && histogram.quantile(0.99) == 990 && histogram.quantile(1) == 1_000)
        #expect(histogram.quantile(0) == 1 && histogram.quantile(2) == 1_000)
        #expect(histogram.mean == 500.5 && histogram.maximum == 1_000)
        var other = LatencyHistogram()
        other.record(-5)
        other.record(.max)
        histogram.add(other)
        #expect(histogram.count == 1_002 && histogram.maximum == 3_600_000_000 && histogram.quantile(0) == 0)
    }

    @Test("a pause in a closed loop counts for the requests that it kept from being sent")
    func coordinatedOmission() {
        // 99 answers in 1 ms each, and one after a second: 1,000 requests were due in it.
        var histogram = LatencyHistogram()
        histogram.record(1_000, times: 99)
        histogram.record(1_000_000)
        #expect(histogram.quantile(0.9) == 1_000)
        let corrected = histogram.corrected(interval: 1_000)
        #expect(corrected.count == 99 + 1_000)
        #expect(corrected.quantile(0.5) > 400_000 && corrected.quantile(0.9) > 800_000)
        #expect(corrected.maximum == 1_000_000)
        #expect(histogram.corrected(interval: 0) == histogram)
    }

    @Test("the report of a closed loop has both columns, that of an open loop one")
    func report() {
        var histogram = LatencyHistogram()
        histogram.record(1_000, times: 1_000)
        var report = BenchReport(
            subject: "GET http://a", rate: 0, connections: 4, seconds: 10, latencies: histogram,
            statuses: [200: 990, 0: 4, 503: 6])
        #expect(report.failures == 10 && report.throughput == 100)
        #expect(
            report.text.contains("closed loop") && report.text.contains("corrected")
                && report.text.contains("no answer: 4, 200: 990"))
        report.rate = 100
        #expect(report.text.contains("open loop at 100/s") && !report.text.contains("corrected"))
    }
}
