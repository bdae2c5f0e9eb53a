import OperatorTools
import Testing

@Suite("What tessera top reads and shows")
struct MetricsPageTests {
    static func page(_ requests: Int, _ fast: Int) -> MetricsPage {
        MetricsPage(
            parsing: """
                # HELP tessera_requests_total Requests answered, by operation and outcome.
                # TYPE tessera_requests_total counter
                tessera_requests_total{operation="refreshSession",outcome="ok"} \(requests)
                tessera_requests_total{operation="verifySession",outcome="try_refresh"} 0
                tessera_request_duration_seconds_bucket{operation="refreshSession",le="0.001"} \(fast)
                tessera_request_duration_seconds_bucket{operation="refreshSession",le="0.01"} \(requests)
                tessera_request_duration_seconds_bucket{operation="refreshSession",le="+Inf"} \(requests)
                tessera_request_duration_seconds_count{operation="refreshSession"} \(requests)
                tessera_request_duration_seconds_sum{operation="refreshSession"} 0.5
                tessera_storage_duration_seconds_bucket{step="update",le="0.0005"} \(requests)
                tessera_storage_duration_seconds_bucket{step="update",le="+Inf"} \(requests)
                tessera_storage_duration_seconds_count{step="update"} \(requests)
                tessera_build_info{version="0.1.0"} 1
                tessera_requests_in_flight 3
                tessera_connections 12
                tessera_storage_up 1
                tessera_live_sessions 10221
                tessera_sessions_created_total{rotation="at_first_use"} 40
                tessera_refreshes_total{kind="rotated"} \(requests)
                tessera_storage_connections{state="idle"} 4
                tessera_storage_errors_total{code="unavailable"} 0
                tessera_signing_keys{state="signing"} 1
                tessera_signing_key_age_seconds{kind="dynamic"} 90000
                process_start_time_seconds 1000
                process_cpu_seconds_total 2.5
                process_resident_memory_bytes 52428800
                process_open_fds 88
                process_max_fds 16384
                """)
    }

    @Test("samples with labels, escapes, infinities; what is no sample is passed over")
    func parsing() {
        let page = MetricsPage(
            parsing: "a{x=\"1\\\"\\n,}\",y=\"2\"} +Inf\na 3 170\nb{x=\"1\n\nc{} 1e3\nd NaN\n# EOF\nz\n")
        #expect(page.all("a").map(\.value) == [.infinity, 3])
        #expect(page.all("a").first?.labels == ["x": "1\"\n,}", "y": "2"])
        #expect(page.all("b").isEmpty && page.all("z").isEmpty && page.sum("c") == 1_000)
        #expect(page.sum("none") == nil && page.sum("a", ["y": "2"]) == .infinity)
    }

    @Test("quantiles are interpolated within their bucket")
    func quantiles() {
        let buckets = Self.page(100, 50).buckets("tessera_request_duration_seconds")
        #expect(buckets.quantile(0.5) == 0.001)
        #expect(buckets.quantile(0.25) == 0.000_5)
        #expect(abs((buckets.quantile(0.75) ?? 0) - 0.005_5) < 1e-9)
        #expect(MetricsPage(parsing: "").buckets("x").quantile(0.5) == nil)
        #expect(buckets.since(buckets).quantile(0.5) == nil)
    }

    @Test("a frame between two pages, as text")
    func frame() {
        let frame = TopFrame(Self.page(300, 150), since: Self.page(100, 50), seconds: 2, time: 94_600)
        #expect(
            frame.text(width: 100) == """
                tessera 0.1.0  up 1 d 2 h
                requests 100/s  in flight 3  connections 12  storage up  CPU 0 %  50 MiB  files 88 of 16,384

                operation                         /s       p50       p99
                refreshSession                   100      1 ms    9.8 ms  ########################

                answers   ok 100/s
                sessions  live 10,221  created 0/s  ended 0/s  refreshed 100/s  reuse 0/s
                keys      newest dynamic 1 d 1 h  signing 1

                storage                           /s       p50       p99
                update                           100    250 us    495 us  ########################
                errors    0/s  connections idle 4

                """)
    }

    @Test("a frame since the start; storage that is down is red; nothing at all is a frame too")
    func others() {
        let text = TopFrame(Self.page(100, 50), since: nil, seconds: 0, time: 1_010).text(width: 200)
        #expect(text.hasPrefix("tessera 0.1.0  up 10 s  averages since the start\nrequests 10/s"))
        #expect(text.contains("files 88 of 16,384"))
        let down = TopFrame(MetricsPage(parsing: "tessera_storage_up 0\n"), since: nil, seconds: 0, time: 0)
        #expect(down.text(isColored: true).contains("\u{1B}[31mrequests 0/s  STORAGE DOWN\u{1B}[0m"))
        #expect(!down.text().contains("\u{1B}"))
        #expect(!TopFrame(MetricsPage(parsing: ""), since: nil, seconds: 0, time: 0).text(width: 1).isEmpty)
    }

    @Test(
        "a page of a peer that lies is shown, and ends nothing", arguments: ["+Inf", "NaN", "-Inf", "1e308", "-1e308"])
    func absurd(_ value: String) {
        let rows = ["a\u{1B}[2J", "b"].map { "tessera_request_duration_seconds_count{operation=\"\($0)\"} " }
        let page = MetricsPage(parsing: rows[0] + value + "\n" + rows[1] + "5\ntessera_connections \(value)\n")
        let text = TopFrame(page, since: nil, seconds: 1, time: 10).text(width: 100)
        #expect(text.contains("b    ") && !text.contains("\u{1B}"))
    }

    @Test("a counter that began again does not give a negative rate")
    func restarted() {
        let frame = TopFrame(Self.page(10, 5), since: Self.page(1_000, 500), seconds: 1, time: 2_000)
        #expect(frame.requestRate == 0 && frame.operations.isEmpty)
    }

    @Test("numbers as people read them")
    func figures() {
        #expect(Figure.whole(1_234_567) == "1,234,567" && Figure.whole(0) == "0" && Figure.whole(-1_000) == "-1,000")
        #expect(
            Figure.rate(1.25) == "1.3" && Figure.rate(100.4) == "100" && Figure.rate(2) == "2"
                && Figure.rate(.nan) == "-")
        #expect(
            Figure.duration(0.000_25) == "250 us" && Figure.duration(0.004_2) == "4.2 ms"
                && Figure.duration(1.5) == "1.5 s")
        #expect(Figure.duration(nil) == "-" && Figure.span(59) == "59 s" && Figure.span(3_660) == "1 h 1 min")
    }
}
