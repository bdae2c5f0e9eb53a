import Tracing

/// The fields by which a core learns which trace a request belongs to (W3C Trace Context).
enum TraceFields {
    /// What a core reads; nothing else of a context, such as baggage, is for it.
    static let names: Set = ["traceparent", "tracestate"]

    /// What the application's tracer writes for the work at hand; nothing where there is none.
    static var current: [(name: String, value: String)] {
        guard let context = ServiceContext.current else { return [] }
        var fields: [(name: String, value: String)] = []
        InstrumentationSystem.instrument.inject(context, into: &fields, using: Writer())
        return fields
    }

    private struct Writer: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout [(name: String, value: String)]) {
            let name = key.lowercased()
            guard names.contains(name), !carrier.contains(where: { $0.name == name }) else { return }
            carrier.append((name, value))
        }
    }
}
