import LosslessJSON

/// Who exports.
package struct SpanResource: Sendable {
    package var version: String
    /// What names this run of the program.
    package var instance: String

    /// Describes this run of the program.
    ///
    /// - Parameters:
    ///   - version: its release.
    ///   - instance: what names it in its log too.
    package init(version: String, instance: String) { (self.version, self.instance) = (version, instance) }
}

/// Spans as an `ExportTraceServiceRequest` in JSON: hexadecimal numbers of traces and spans, 64-bit numbers as decimal
/// texts, enumerations as numbers (OpenTelemetry protocol, JSON encoding).
package enum OTLP {
    private static let serviceName = "tessera"
    /// The bits beside the W3C flags: whether it is known if the parent is remote, and whether it is.
    private static let (knowsRemote, isRemote): (Int64, Int64) = (0x100, 0x200)
    private static let failed: Int64 = 2

    /// The body of one export.
    ///
    /// - Parameters:
    ///   - spans: what is exported.
    ///   - resource: by whom.
    package static func request(_ spans: [SpanRecord], from resource: SpanResource) -> [UInt8] {
        let attributes = [
            SpanAttribute("service.name", serviceName), SpanAttribute("service.version", resource.version),
            SpanAttribute("service.instance.id", resource.instance),
        ]
        let scope: JSONObject = [
            "scope": ["name": .string(serviceName), "version": .string(resource.version)],
            "spans": .array(spans.map { .object(span($0)) }),
        ]
        let object: JSONObject = [
            "resourceSpans": [
                [
                    "resource": ["attributes": .array(attributes.map(value))],
                    "scopeSpans": [.object(scope)],
                ]
            ]
        ]
        var bytes: [UInt8] = []
        object.write(into: &bytes)
        return bytes
    }

    private static func span(_ span: SpanRecord) -> JSONObject {
        var object: JSONObject = ["traceId": .string(span.traceID.hex), "spanId": .string(span.id.hex)]
        if !span.state.text.isEmpty { object.append("traceState", .string(span.state.text)) }
        if let parent = span.parentID { object.append("parentSpanId", .string(parent.hex)) }
        let flags = Int64(span.flags.rawValue) | knowsRemote | (span.hasRemoteParent ? isRemote : 0)
        object.append("flags", .integer(flags))
        object.append("name", .string(span.name))
        object.append("kind", .integer(span.kind.rawValue))
        object.append("startTimeUnixNano", .string(String(span.begun)))
        object.append("endTimeUnixNano", .string(String(span.ended)))
        object.append("attributes", .array(span.attributes.map(value)))
        object.append("status", span.hasFailed ? ["code": .integer(failed)] : [:])
        return object
    }

    private static func value(_ attribute: SpanAttribute) -> JSONValue {
        let value: JSONObject =
            switch attribute.value {
            case .text(let text): ["stringValue": .string(text)]
            case .number(let number): ["intValue": .string(String(number))]
            }
        return ["key": .string(attribute.name), "value": .object(value)]
    }
}
