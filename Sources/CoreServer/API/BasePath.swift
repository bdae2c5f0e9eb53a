/// The path under which a core's whole interface is, such as `/auth` behind a shared proxy
/// (docs/specification/core.md 1.2).
public struct BasePath: Sendable, Hashable {
    /// The path with a leading and without a trailing slash, in lower case; empty for none.
    private let lowercased: String
    /// The path as drivers write it, with a leading and without a trailing slash; empty for none.
    public let text: String

    /// No path: the interface is where the server is.
    public static let root = BasePath(segments: [])

    /// Takes a path as an operator writes it; `nil` when it has a space.
    public init?(_ text: String) {
        guard !text.contains(" ") else { return nil }
        self.init(segments: text.split(separator: "/"))
    }

    private init(segments: [Substring]) {
        text = segments.map { "/" + $0 }.joined()
        lowercased = text.lowercased()
    }

    /// A request's path without this one, case-insensitively; `nil` when it is somewhere else.
    func relative(_ path: String) -> String? {
        guard !text.isEmpty else { return path }
        guard path.prefix(text.count).lowercased() == lowercased else { return nil }
        let rest = path.dropFirst(text.count)
        guard !rest.isEmpty else { return "/" }
        return rest.hasPrefix("/") ? String(rest) : nil
    }
}
