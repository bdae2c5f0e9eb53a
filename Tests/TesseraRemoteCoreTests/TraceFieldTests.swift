import Foundations
import TesseraSessions
import Testing
import Tracing

@testable import TesseraRemoteCore

@Suite("The trace of an application reaches its core")
struct TraceFieldTests {
    /// Writes what it is told into requests, as an application's tracer does.
    private struct HeaderTracer: Tracer {
        typealias Span = NoOpTracer.NoOpSpan

        let fields: [(String, String)]

        func startSpan<Instant: TracerInstant>(
            _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
            at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
        ) -> Span {
            Span(context: context())
        }

        func forceFlush() {}

        func extract<Carrier, Extract: Extractor>(
            _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
        ) where Extract.Carrier == Carrier {}

        func inject<Carrier, Inject: Injector>(
            _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
        ) where Inject.Carrier == Carrier {
            for (name, value) in fields { injector.inject(value, forKey: name, into: &carrier) }
        }
    }

    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// The fields of the request to end a session.
    private func sent(_ fields: [(String, String)], context: ServiceContext?) async throws -> CoreRequest {
        let core = ScriptedCore { _ in nil }
        let backend = try core.backend()
        await withTracer(HeaderTracer(fields: fields)) {
            await ServiceContext.$current.withValue(context) { _ = try? await backend.revoke(["h"]) }
        }
        return try #require(core.requests.last)
    }

    @Test("what the application's tracer writes goes to the core, once and nothing else of it")
    func written() async throws {
        let request = try await sent(
            [("Traceparent", parent), ("tracestate", "a=1"), ("baggage", "user=secret"), ("traceparent", "x")],
            context: .topLevel)
        #expect(request.field("traceparent") == parent && request.field("tracestate") == "a=1")
        #expect(request.fields.count { $0.name == "traceparent" } == 1 && request.field("baggage") == nil)
    }

    @Test("without a tracer or without a trace nothing is invented")
    func none() async throws {
        let without = try await sent([("traceparent", parent)], context: nil)
        #expect(without.field("traceparent") == nil)
        let silent = try await sent([], context: .topLevel)
        #expect(silent.field("traceparent") == nil && silent.field("tracestate") == nil)
    }
}
