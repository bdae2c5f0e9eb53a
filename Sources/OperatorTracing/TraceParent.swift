import Foundations

/// Where a caller is in a trace, as the field `traceparent` says it (W3C Trace Context).
package struct TraceParent: Sendable, Hashable {
    package let traceID: TraceID
    /// The span of the caller.
    package let parentID: SpanID
    package let flags: TraceFlags

    /// Makes what is sent on.
    ///
    /// - Parameters:
    ///   - traceID: the trace.
    ///   - parentID: the span that calls.
    ///   - flags: what is said about the trace.
    package init(traceID: TraceID, parentID: SpanID, flags: TraceFlags) {
        (self.traceID, self.parentID, self.flags) = (traceID, parentID, flags)
    }

    private static let length = 55

    /// Reads the field of this version and what a later one has in the same places.
    ///
    /// - Parameter text: the field's value.
    /// - Returns: `nil` for anything else: the field is then as if it had not come, and a new trace begins.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= Self.length, [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
            let version = HexNumber.read(bytes[0..<2]), version != 0xFF,
            let high = HexNumber.read(bytes[3..<19]), let low = HexNumber.read(bytes[19..<35]),
            let traceID = TraceID(high: high, low: low),
            let parentID = HexNumber.read(bytes[36..<52]).flatMap(SpanID.init),
            let bits = HexNumber.read(bytes[53..<55])
        else { return nil }
        let isLonger = bytes.count > Self.length
        // What a later version adds begins with a dash; this one adds nothing.
        if isLonger, version == 0 || bytes[Self.length] != UInt8(ascii: "-") { return nil }
        let known: TraceFlags = version == 0 ? [.sampled, .random] : .sampled
        let flags = TraceFlags(rawValue: UInt8(truncatingIfNeeded: bits)).intersection(known)
        self.init(traceID: traceID, parentID: parentID, flags: flags)
    }

    /// The field in the version that every reader knows.
    package var text: String {
        "00-\(traceID.hex)-\(parentID.hex)-\(Hex.encode([flags.rawValue]))"
    }
}
