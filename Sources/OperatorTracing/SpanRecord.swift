/// One piece of work that has ended, as it is exported.
package struct SpanRecord: Sendable, Hashable {
    /// What a span is to those beside it, by OTLP's numbers.
    package enum Kind: Int64, Sendable {
        /// Work within this process.
        case inside = 1
        /// A request that is answered here.
        case server = 2
        /// A question to another program.
        case client = 3
    }

    package let traceID: TraceID
    package let id: SpanID
    /// The span that it is a part of; `nil` for the first one of a trace.
    package let parentID: SpanID?
    /// Whether that span is another process's.
    package let hasRemoteParent: Bool
    package let flags: TraceFlags
    package let state: TraceState
    package let name: String
    package let kind: Kind
    /// In nanoseconds since 1970.
    package let begun: Int64
    package let ended: Int64
    package let attributes: [SpanAttribute]
    package let hasFailed: Bool
}

/// Something that is said about a span.
package struct SpanAttribute: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        case text(String)
        case number(Int64)
    }

    package let name: String
    package let value: Value

    /// Says something in words.
    ///
    /// - Parameters:
    ///   - name: the name, of OpenTelemetry's conventions or with `tessera.` before it.
    ///   - text: of a closed set, or a text that no caller can put a secret into.
    package init(_ name: String, _ text: String) { (self.name, value) = (name, .text(text)) }

    /// Says something in numbers.
    ///
    /// - Parameters:
    ///   - name: the name, as above.
    ///   - number: the number.
    package init(_ name: String, _ number: Int) { (self.name, value) = (name, .number(Int64(number))) }
}

/// What a span is before it has its place in a trace.
package struct SpanContent: Sendable {
    package var name: String
    package var kind: SpanRecord.Kind
    package var attributes: [SpanAttribute]
    package var hasFailed = false

    /// Describes a piece of work.
    ///
    /// - Parameters:
    ///   - name: of a closed set.
    ///   - kind: what it is to others.
    ///   - attributes: what is said about it.
    package init(_ name: String, _ kind: SpanRecord.Kind, _ attributes: [SpanAttribute] = []) {
        (self.name, self.kind, self.attributes) = (name, kind, attributes)
    }
}
