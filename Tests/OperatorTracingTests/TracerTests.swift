import Foundations
import LosslessJSON
import Synchronization
import Testing

@testable import OperatorTracing

@Suite("Traces and their export")
struct TracerTests {
    private let queue = SpanQueue()
    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"

    private func clock(_ time: Int64 = 1_544_712_660_000) -> ClockAndRandomness {
        ClockAndRandomness(
            time: { Timestamp(milliseconds: time) }, randomBits: ClockAndRandomness.system.randomBits)
    }

    private func origin(_ flags: String, state: String = "a=1") -> TraceOrigin? {
        TraceOrigin(parents: [parent + flags], states: [state])
    }

    @Test("the caller's trace goes on, with a new span and what others say")
    func continued() throws {
        let trace = Tracer(queue, clock: clock()).begin(origin("03"))
        #expect(trace.outgoing.text.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-"))
        #expect(trace.outgoing.text.hasSuffix("-03") && trace.spanID.hex != "00f067aa0ba902b7")
        #expect(trace.state.text == "a=1")
        trace.addPart(since: .present, SpanContent("SELECT t", .client))
        trace.finish(SpanContent("POST /x", .server))
        let spans = queue.take()
        #expect(spans.map(\.name) == ["SELECT t", "POST /x"])
        #expect(spans[0].parentID == trace.spanID && spans[1].parentID?.hex == "00f067aa0ba902b7")
        #expect(spans[0].id != spans[1].id && Set(spans.map(\.traceID.hex)).count == 1)
        #expect(!spans[0].hasRemoteParent && spans[1].hasRemoteParent)
        #expect(spans.allSatisfy { $0.begun <= $0.ended && $0.begun >= 1_544_712_660_000_000_000 })
        #expect(spans[1].begun <= spans[0].begun && spans[0].ended <= spans[1].ended)
    }

    @Test("the caller decides whether its trace is recorded, whatever the share is")
    func sampledByCaller() {
        let tracer = Tracer(queue, ratio: 0, clock: clock())
        #expect(tracer.begin(origin("01")).isSampled && !Tracer(queue, ratio: 1).begin(origin("02")).isSampled)
        let ignored = tracer.begin(origin("00"))
        ignored.addPart(since: .present, SpanContent("a", .client))
        ignored.finish(SpanContent("b", .server))
        #expect(queue.take().isEmpty && ignored.outgoing.text.hasSuffix("-00"))
    }

    @Test("a share of new traces is recorded: none, all, and about as many as it says", arguments: [0, 1, 0.25, 0.01])
    func ratio(_ ratio: Double) {
        var dice = Dice(seed: 77)
        let bits = (0..<6_000).map { _ in dice.next() }
        let place = Atomic(0)
        let clock = ClockAndRandomness(
            time: { Timestamp(milliseconds: 0) },
            randomBits: { bits[place.add(1, ordering: .relaxed).oldValue % bits.count] })
        let tracer = Tracer(queue, ratio: ratio, clock: clock)
        let count = (0..<2_000).count { _ in tracer.begin(nil).isSampled }
        #expect(abs(Double(count) - 2_000 * ratio) <= (ratio == 0 || ratio == 1 ? 0 : 70))
        #expect(tracer.begin(nil).outgoing.flags.contains(.random))
    }

    @Test("too many spans are lost and counted, and none waits for another")
    func bounded() {
        let lost = Atomic(0)
        let queue = SpanQueue { lost.add(1, ordering: .relaxed) }
        let trace = Tracer(queue).begin(nil)
        for _ in 0..<(SpanQueue.capacity + 100) { trace.addPart(since: .present, SpanContent("x", .client)) }
        #expect(lost.load(ordering: .relaxed) == 100)
        var taken = 0
        while case let spans = queue.take(), !spans.isEmpty {
            #expect(spans.count <= SpanQueue.batch)
            taken += spans.count
        }
        #expect(taken == SpanQueue.capacity)
    }

    @Test("OTLP's JSON: hexadecimal ids, decimal texts, numbers of enumerations, one line")
    func encoding() throws {
        let trace = Tracer(queue, clock: clock()).begin(origin("01"))
        var failed = SpanContent("UPDATE t", .client, [SpanAttribute("db.system.name", "sqlite")])
        failed.hasFailed = true
        trace.addPart(since: .present, failed)
        trace.finish(SpanContent("POST /x", .server, [SpanAttribute("http.response.status_code", 200)]))
        let bytes = OTLP.request(queue.take(), from: SpanResource(version: "1", instance: "i"))
        #expect(!bytes.contains(10))
        let resource = try #require(try JSONValue(parsing: bytes).object?["resourceSpans"]?.array?.first)
        let name = #"{"key":"service.name","value":{"stringValue":"tessera"}}"#
        #expect(resource.object?["resource"]?.text.contains(name) == true)
        let spans = try #require(resource.object?["scopeSpans"]?.array?.first?.object?["spans"]?.array)
        let (part, request) = (spans[0], spans[1])
        #expect(request.object?["traceId"]?.string == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(request.object?["parentSpanId"]?.string == "00f067aa0ba902b7")
        #expect(request.object?["traceState"]?.string == "a=1")
        #expect(request.object?["kind"]?.text == "2" && part.object?["kind"]?.text == "3")
        #expect(request.object?["status"]?.text == "{}" && part.object?["status"]?.text == #"{"code":2}"#)
        #expect(request.object?["startTimeUnixNano"]?.string == "1544712660000000000")
        #expect(request.object?["flags"]?.text == "769" && part.object?["flags"]?.text == "257")
        #expect(part.object?["parentSpanId"]?.string == request.object?["spanId"]?.string)
        #expect(
            request.object?["attributes"]?.text == #"[{"key":"http.response.status_code","value":{"intValue":"200"}}]"#)
        #expect(part.object?["attributes"]?.text == #"[{"key":"db.system.name","value":{"stringValue":"sqlite"}}]"#)
    }
}

@Suite("Exports that fail")
struct ExporterTests {
    /// Answers as it is told, and remembers what it got.
    private final class Receiver: SpanReceiver {
        let place = "here"
        let answers: Mutex<[ExportOutcome]>
        let received = Mutex<[[UInt8]]>([])

        init(_ answers: [ExportOutcome]) { self.answers = Mutex(answers) }

        func send(_ request: [UInt8]) async -> ExportOutcome {
            received.withLock { $0.append(request) }
            return answers.withLock { $0.isEmpty ? .taken : $0.removeFirst() }
        }

        var count: Int { received.withLock(\.count) }
    }

    private final class Tally: Sendable {
        let texts = Mutex<[String]>([])

        func add(_ text: String) { texts.withLock { $0.append(text) } }

        var reports: ExportReports {
            var reports = ExportReports()
            reports.exported = { self.add("exported \($0)") }
            reports.lost = { self.add("lost \($0) \($1)") }
            reports.state = { self.add($0 ?? "well") }
            return reports
        }

        var all: [String] { texts.withLock(\.self) }
    }

    private let queue = SpanQueue()
    private let tally = Tally()

    private func exporter(_ receiver: Receiver, _ now: @escaping @Sendable () -> Int64) -> SpanExporter {
        SpanExporter(
            queue, to: receiver, from: SpanResource(version: "1", instance: "i"), tally.reports,
            present: { MonotonicTime(nanoseconds: now()) })
    }

    private func add(_ count: Int) {
        let trace = Tracer(queue).begin(nil)
        for _ in 0..<count { trace.addPart(since: .present, SpanContent("x", .client)) }
    }

    @Test("what was refused is lost, counted, and said once until it is over")
    func refused() async {
        let receiver = Receiver([.refused("no"), .refused("no"), .taken, .refused("again")])
        let exporter = exporter(receiver) { 0 }
        var outbox = SpanExporter.Outbox()
        for _ in 0..<4 {
            add(3)
            await exporter.exportAll(&outbox)
        }
        let lost = "lost 3 refused"
        #expect(tally.all == ["no", lost, lost, "well", "exported 3", "again", lost])
    }

    @Test("who is not there is asked again later and later, and then the batch is lost")
    func unreachable() async {
        let receiver = Receiver(Array(repeating: .unreachable("away"), count: 5))
        let now = Atomic<Int64>(0)
        let exporter = exporter(receiver) { now.load(ordering: .relaxed) }
        var outbox = SpanExporter.Outbox()
        add(2)
        var counts: [Int] = []
        for second in 0..<40 {
            now.store(Int64(second) * 1_000_000_000, ordering: .relaxed)
            await exporter.exportAll(&outbox)
            counts.append(receiver.count)
        }
        #expect([0, 1, 2, 5, 6, 13, 14, 29, 30].map { counts[$0] } == [1, 1, 2, 2, 3, 3, 4, 4, 5])
        #expect(counts.last == 5 && Set(receiver.received.withLock(\.self)).count == 1)
        #expect(tally.all == ["away", "lost 2 unreachable"])
    }

    @Test("all that waits is exported in batches, and at the end once more without a second try")
    func ending() async {
        let receiver = Receiver([.taken, .taken, .unreachable("away")])
        let exporter = exporter(receiver) { 0 }
        add(SpanQueue.batch + 5)
        var outbox = SpanExporter.Outbox()
        await exporter.exportAll(&outbox)
        #expect(tally.all == ["exported 512", "exported 5"])
        add(SpanQueue.batch * 2)
        exporter.end()
        await exporter.run()
        #expect(tally.all.suffix(3) == ["away", "lost 512 unreachable", "lost 512 unreachable"] && receiver.count == 3)
    }
}
