import SessionEngine

@testable import CoreDriverInterface

/// What each version does, written by hand from docs/specification/core.md 0.2 and 1.1 to 1.7 and from the recordings,
/// never from the catalogue: two accounts of the same facts, so that a slip in one of them shows.
enum VersionTable {
    /// All versions, oldest first.
    static let names = """
        1.0 2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18 2.19 2.20 2.21 3.0 3.1 \
        4.0 5.0 5.1 5.2 5.3 5.4 5.5 5.6
        """.split(separator: " ").map(String.init)
    static let versions = names.compactMap { CDIVersion($0) }

    /// Versions from a first to a last one, both included: `2.0-2.3`, `2.4-`, `5.6`.
    struct Span: ExpressibleByStringLiteral, Sendable {
        let text: String
        let indices: Range<Int>

        init(stringLiteral text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard let first = names.firstIndex(of: parts[0]),
                let last = parts.count == 1
                    ? first : parts[1].isEmpty ? names.count - 1 : names.firstIndex(of: parts[1]), first <= last
            else { preconditionFailure("'\(text)' is no span of versions") }
            self.text = text
            indices = first..<(last + 1)
        }
    }

    static let always: Span = "1.0-"

    struct RouteRow: Sendable {
        let method: CoreMethod
        let path: String
        let operation: CoreOperation
        let span: Span
    }

    struct MemberRow: Sendable {
        let shape: ReplyShape
        let span: Span
        let paths: [String]
    }

    struct InputRow: Sendable {
        let operation: CoreOperation
        let name: String
        let presences: [(span: Span, presence: Catalogue.Presence)]
    }

    struct RuleRow: Sendable {
        let span: Span
        let apply: @Sendable (inout DialectRules) -> Void
    }
}
