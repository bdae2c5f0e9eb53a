/// Named places at which a test can end the process as `kill -9` does (docs/specification/security.md E-03).
///
/// In a release build there are none: a call of ``reach(_:)`` is nothing.
package enum Failpoint {
    /// Reports that a place has been reached.
    ///
    /// In a debug build `TESSERA_FAILPOINT=name:count` in the environment kills the process when the named place is
    /// reached for the count-th time, and `TESSERA_FAILPOINT_TRACE=path` appends the name of every place that is reached
    /// to a file.
    @inlinable
    package static func reach(_ name: StaticString) {
        #if DEBUG
            ArmedFailpoint.shared?.reach(name)
        #endif
    }
}

#if DEBUG
    import Synchronization

    import PlatformLibC

    /// The place that kills, with how often it has been reached.
    @usableFromInline
    final class ArmedFailpoint: Sendable {
        /// What the environment asks for.
        @usableFromInline static let shared = fromEnvironment()

        private let name: String
        private let limit: Int
        private let trace: Int32?
        private let count = Mutex(0)

        private init(name: String, limit: Int, trace: Int32?) {
            self.name = name
            self.limit = limit
            self.trace = trace
        }

        private static func fromEnvironment() -> ArmedFailpoint? {
            let parts = getenv("TESSERA_FAILPOINT").map { String(cString: $0).split(separator: ":") } ?? []
            let trace = getenv("TESSERA_FAILPOINT_TRACE").map {
                open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            }
            guard parts.count == 2 || trace != nil else { return nil }
            return ArmedFailpoint(
                name: parts.first.map(String.init) ?? "", limit: parts.last.flatMap { Int($0) } ?? 0, trace: trace)
        }

        @usableFromInline
        func reach(_ place: StaticString) {
            let place = place.description
            if let trace {
                let line = Array("\(place)\n".utf8)
                _ = write(trace, line, line.count)
            }
            guard place == name else { return }
            let reached = count.withLock { count in
                count += 1
                return count
            }
            if reached == limit { kill(getpid(), SIGKILL) }
        }
    }
#endif
