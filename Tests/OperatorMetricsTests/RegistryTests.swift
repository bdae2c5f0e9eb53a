import CoreMetrics
import OperatorMetrics
import Testing

/// A label for these tests.
private enum Fruit: Int, MetricLabel {
    case apple, redCherry, pear
}

private enum Size: Int, MetricLabel {
    case small, large
}

/// The page that a scrape gets.
struct RegistryTests {
    private let registry = MetricRegistry()

    private func lines(_ format: MetricFormat = .prometheus) -> [String] {
        registry.text(format).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test("OB09: every series of a closed set is there from the start, with 0")
    func closedSets() {
        let one = registry.counter(MetricDescription("a_total", "A.", labels: ["fruit"]), by: Fruit.self)
        let two = registry.counter(
            MetricDescription("b_total", "B.", labels: ["fruit", "size"]), by: Fruit.self, Size.self)
        one.add(.redCherry, by: 2)
        two.add(.pear, .small)
        two.add(.apple, .large)
        #expect(
            lines() == [
                "# HELP a_total A.", "# TYPE a_total counter", #"a_total{fruit="apple"} 0"#,
                #"a_total{fruit="red_cherry"} 2"#, #"a_total{fruit="pear"} 0"#, "# HELP b_total B.",
                "# TYPE b_total counter", #"b_total{fruit="apple",size="small"} 0"#,
                #"b_total{fruit="apple",size="large"} 1"#, #"b_total{fruit="red_cherry",size="small"} 0"#,
                #"b_total{fruit="red_cherry",size="large"} 0"#, #"b_total{fruit="pear",size="small"} 1"#,
                #"b_total{fruit="pear",size="large"} 0"#, "",
            ])
        #expect(one.value(.redCherry) == 2 && two.value(.pear, .small) == 1)
    }

    @Test("a value that is not in the set makes no series")
    func foreignValue() {
        let counter = registry.counter(
            MetricDescription("a_total", "A.", labels: ["x"]), of: ["known"], label: { $0 })
        counter.add("a caller's text")
        counter.add("known", by: -5)
        counter.add("known")
        #expect(lines().dropFirst(2) == [#"a_total{x="known"} 1"#, ""])
    }

    @Test("OB03: backslash, line feed and, in values, the quote are escaped and nothing else")
    func escapes() {
        registry.gauge(MetricDescription("g", "a\\b\nc \"d\"", labels: ["x"])) { [(["\\\n\"é\t"], 1)] }
        #expect(lines() == [#"# HELP g a\\b\nc "d""#, "# TYPE g gauge", "g{x=\"\\\\\\n\\\"é\t\"} 1", ""])
        #expect(lines(.openMetrics).first == #"# HELP g a\\b\nc \"d\""#)
    }

    @Test(
        "OB04: numbers as Go reads them",
        arguments: [
            (0, "0"), (1.5, "1.5"), (-3, "-3"), (1e15, "1000000000000000.0"), (1e16, "1e+16"),
            (123_456_789, "123456789"), (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e300, "1e+300"), (0.0001, "0.0001"), (-0.5, "-0.5"),
        ] as [(Double, String)])
    func numbers(value: Double, text: String) {
        registry.gauge(MetricDescription("g", "G.")) { value }
        #expect(lines()[2] == "g \(text)")
    }

    @Test(
        "OB05: a value that is a bucket's limit is within it",
        arguments: [
            (-1, [1, 1, 1]), (0, [1, 1, 1]), (1_000_000, [1, 1, 1]), (1_000_001, [0, 1, 1]),
            (10_000_000, [0, 1, 1]), (10_000_001, [0, 0, 1]), (.max, [0, 0, 1]),
        ] as [(Int64, [Int])])
    func buckets(nanoseconds: Int64, counts: [Int]) {
        let histogram = registry.histogram(MetricDescription("h_seconds", "H."), .seconds([0.001, 0.01]))
        histogram.note(nanoseconds)
        let found = lines()
        #expect(found[2] == #"h_seconds_bucket{le="0.001"} \#(counts[0])"#)
        #expect(found[3] == #"h_seconds_bucket{le="0.01"} \#(counts[1])"#)
        #expect(found[4] == #"h_seconds_bucket{le="+Inf"} \#(counts[2])"#)
        #expect(found[6] == "h_seconds_count 1")
    }

    @Test("OB06: OpenMetrics has canonical limits, families without _total, and an end")
    func openMetrics() {
        registry.counter(MetricDescription("a_total", "A.")).increment(by: 3)
        let sizes = registry.histogram(MetricDescription("h", "H.", labels: ["size"]), .counts([1, 2]), by: Size.self)
        sizes.note(2, .large)
        let found = lines(.openMetrics)
        #expect(found.prefix(3) == ["# HELP a A.", "# TYPE a counter", "a_total 3"])
        #expect(found.contains(#"h_bucket{size="large",le="2.0"} 1"#))
        #expect(found.contains(#"h_bucket{size="small",le="+Inf"} 0"#))
        #expect(found.suffix(2) == ["# EOF", ""])
        #expect(lines().contains(#"h_bucket{size="large",le="2"} 1"#))
    }

    @Test("a name is shown once, and a number that is not known has no sample")
    func once() {
        _ = registry.counter(MetricDescription("a_total", "First."))
        _ = registry.counter(MetricDescription("a_total", "Second."))
        registry.gauge(MetricDescription("g", "G.")) { nil }
        #expect(
            lines() == [
                "# HELP a_total First.", "# TYPE a_total counter", "a_total 0", "# HELP g G.", "# TYPE g gauge", "",
            ])
    }

    @Test("a level is never below none")
    func level() {
        let level = MetricLevel()
        level.leave()
        #expect(level.value == 0)
        for _ in 0..<3 { level.enter() }
        #expect(level.value == 2)
    }

    @Test("what many threads count is all counted")
    func threads() async {
        let counter = registry.counter(MetricDescription("a_total", "A.", labels: ["fruit"]), by: Fruit.self)
        let histogram = registry.histogram(MetricDescription("h", "H."), .counts([1]))
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.add(.apple)
                        histogram.note(5)
                    }
                }
            }
        }
        #expect(counter.value(.apple) == 8_000)
        #expect(lines().contains("h_count 8000") && lines().contains("h_sum 40000"))
    }

    @Test(
        "OB01: the format that the client prefers",
        arguments: [
            (nil, .prometheus), ("", .prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
            ("text/html", .prometheus), ("application/openmetrics-text", .openMetrics),
            ("application/openmetrics-text;version=1.0.0", .openMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", .openMetrics),
            ("application/openmetrics-text;version=0.0.1", .prometheus),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.7", .prometheus),
            ("APPLICATION/OpenMetrics-Text;q=0.7 , text/plain; q=0.5", .openMetrics),
            ("application/openmetrics-text;q=nan", .prometheus), ("application/openmetrics-text;q=0", .prometheus),
            ("application/openmetrics-text;q=0,*/*", .prometheus), ("application/*;q=0.9,*/*;q=0.1", .openMetrics),
            ("text/plain;q=0,*/*;q=0.1", .openMetrics),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
            ),
        ] as [(String?, MetricFormat)])
    func negotiation(accept: String?, format: MetricFormat) {
        #expect(MetricFormat(accepting: accept) == format)
    }
}

/// What libraries count through swift-metrics.
struct ForeignMetricsTests {
    private let registry = MetricRegistry()

    @Test("counters, gauges, recorders and timers of libraries land on the page, with names that are names")
    func bridge() {
        let foreign = ForeignMetrics(registry)
        foreign.makeCounter(label: "hb.requests", dimensions: [("hb.path", "/a\"b")]).increment(by: 3)
        foreign.makeTimer(label: "hb.time", dimensions: []).recordNanoseconds(2_000_000)
        foreign.makeMeter(label: "9-lives", dimensions: []).set(9.0)
        foreign.makeRecorder(label: "size", dimensions: [], aggregate: true).record(50.0)
        let text = registry.text(.prometheus)
        #expect(text.contains(#"hb_requests_total{hb_path="/a\"b"} 3"#))
        #expect(text.contains(#"hb_time_seconds_bucket{le="0.005"} 1"#) && text.contains("hb_time_seconds_sum 0.002"))
        #expect(text.contains("_9_lives 9\n") && text.contains(#"size_bucket{le="100"} 1"#))
    }

    @Test("the same name and labels are one series; other names of labels, a name twice and 'le' are no series")
    func closure() {
        let foreign = ForeignMetrics(registry)
        for _ in 0..<2 { foreign.makeCounter(label: "a", dimensions: [("x", "1")]).increment(by: 1) }
        foreign.makeCounter(label: "a", dimensions: [("y", "1")]).increment(by: 1)
        foreign.makeCounter(label: "b", dimensions: [("x", "1"), ("x", "2")]).increment(by: 1)
        foreign.makeCounter(label: "c", dimensions: [("le", "1")]).increment(by: 1)
        let samples = registry.text(.prometheus).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples == [#"a_total{x="1"} 2"#])
    }

    @Test("labels that never end make no more than a hundred series")
    func bounded() {
        let foreign = ForeignMetrics(registry)
        for number in 0..<1_000 { foreign.makeCounter(label: "a", dimensions: [("x", "\(number)")]).increment(by: 1) }
        for number in 0..<1_000 { foreign.makeMeter(label: "m\(number)", dimensions: []).set(1.0) }
        let lines = registry.text(.prometheus).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("a_total") }.count == 100)
        #expect(lines.filter { $0.hasPrefix("# TYPE") }.count == 200)
    }
}

/// What every client library says of its process.
struct ProcessMetricsTests {
    @Test("the usual names, with numbers that can be")
    func names() {
        let registry = MetricRegistry()
        ProcessMetrics.add(to: registry, startTime: 1_700_000_000)
        let samples = registry.text(.prometheus).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let values = Dictionary(
            samples.compactMap { line -> (String, Double)? in
                let parts = line.split(separator: " ")
                return Double(parts[1]).map { (String(parts[0]), $0) }
            }
        ) { first, _ in first }
        #expect(values["process_start_time_seconds"] == 1_700_000_000)
        #if os(Linux)
            #expect((values["process_resident_memory_bytes"] ?? 0) > 1_000_000)
            #expect((values["process_open_fds"] ?? 0) >= 3 && (values["process_threads"] ?? 0) >= 1)
            #expect((values["process_max_fds"] ?? 0) >= (values["process_open_fds"] ?? 0))
        #endif
        #expect((values["process_cpu_seconds_total"] ?? -1) > 0)
    }
}
