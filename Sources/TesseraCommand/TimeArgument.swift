import ArgumentParser
import Foundations

/// A time on the command line: a date of RFC 3339, or how long ago.
struct TimeArgument: ExpressibleByArgument, Sendable {
    private enum Form {
        case date(Timestamp)
        case ago(Milliseconds)
    }

    private let form: Form

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]

    init?(argument: String) {
        if let date = RFC3339.parse(argument) {
            form = .date(date)
        } else if let unit = argument.last.flatMap({ Self.units[$0] }), let count = Int64(argument.dropLast()),
            count >= 0, !argument.hasPrefix("+")
        {
            form = .ago(.seconds(count.saturatingMultiply(unit)))
        } else {
            return nil
        }
    }

    /// The time, as seen now.
    func time(at now: Timestamp) -> Timestamp {
        switch form {
        case .date(let time): time
        case .ago(let span): Timestamp(milliseconds: (now.sinceEpoch - span).count)
        }
    }
}
