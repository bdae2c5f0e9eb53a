package import SessionEngine

/// The path at which a receiver asks for its security events (docs/events.md); it is no driver's, and has no version.
package struct EventPollPath: Sendable, Equatable {
    /// The app of the stream.
    package let app: AppID
    /// The name of the stream.
    package let stream: String

    /// The path with a placeholder, for traces.
    package static let route = "/tessera/events/poll/{stream}"

    /// Reads a path; `nil` for any other.
    package init?(_ path: String) {
        guard path.utf8.count <= 256, path.hasPrefix("/") else { return nil }
        var segments = path.lowercased().split(separator: "/")[...]
        app = PathName.takeApp(from: &segments)
        guard segments.count == 4, segments.starts(with: ["tessera", "events", "poll"]), let name = segments.last else {
            return nil
        }
        stream = String(name)
    }
}
