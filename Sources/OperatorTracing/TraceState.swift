import Foundations

/// What systems of tracing say to each other about a trace, which travels unchanged (field `tracestate`).
package struct TraceState: Sendable, Hashable {
    /// The members as they came, with commas between them; empty for none.
    package let text: String

    /// Nothing to say.
    package static let none = TraceState(unchecked: "")

    private static let mostMembers = 32
    /// 512 characters have to travel; this is enough for eight times as much, and bounds what a stranger makes us keep.
    private static let longest = 4_096
    private static let longestPart = 256

    private init(unchecked text: String) { self.text = text }

    /// Takes the fields of a request together; what cannot be read, or is too much, says nothing.
    ///
    /// - Parameter fields: the values in their order.
    package init(_ fields: [String]) {
        let text = fields.count == 1 ? fields[0] : fields.joined(separator: ",")
        let members = text.utf8.count <= Self.longest ? text.utf8.split(separator: UInt8(ascii: ",")) : []
        let named = members.map { $0.trimmed(Self.isBlank) }.filter { !$0.isEmpty }
        let isGood = (1...Self.mostMembers).contains(named.count) && named.allSatisfy(Self.isMember)
        self.init(unchecked: isGood ? text : "")
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func isMember(_ member: Substring.UTF8View) -> Bool {
        guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return isKey(member[..<equals]) && isValue(member[member.index(after: equals)...])
    }

    private static func isKey(_ key: Substring.UTF8View) -> Bool {
        guard let first = key.first, key.count <= longestPart, isLetterOrDigit(first) else { return false }
        return key.count { $0 == UInt8(ascii: "@") } <= 1 && key.allSatisfy { isLetterOrDigit($0) || isMark($0) }
    }

    private static func isValue(_ value: Substring.UTF8View) -> Bool {
        value.count <= longestPart
            && value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isMark(_ byte: UInt8) -> Bool { "_-*/@".utf8.contains(byte) }
}

/// What a caller says about the trace that its request belongs to.
package struct TraceOrigin: Sendable, Hashable {
    package let parent: TraceParent
    package let state: TraceState

    /// Reads the fields of a request.
    ///
    /// - Parameters:
    ///   - parents: the values of `traceparent`.
    ///   - states: the values of `tracestate`.
    /// - Returns: `nil` unless there is one good `traceparent`: what comes with a bad one is not looked at.
    package init?(parents: [String], states: [String]) {
        let blanks: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard parents.count == 1, let parent = TraceParent(String(parents[0].trimmed(blanks))) else { return nil }
        self.parent = parent
        state = states.isEmpty ? .none : TraceState(states)
    }
}
