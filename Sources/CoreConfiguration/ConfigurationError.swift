/// Why the core does not start with a configuration: everything that is wrong with it.
///
/// The message is for the operator; startup fails. It never has a value of a secret in it.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in the order of the documents.
    public let problems: [ConfigurationProblem]

    init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    init(_ text: String) {
        self.init([ConfigurationProblem(text)])
    }

    /// One line, or a line for each.
    public var description: String {
        if problems.count == 1, let problem = problems.first { return problem.description }
        return (["the configuration has \(problems.count) errors:"] + problems.map(\.description))
            .joined(separator: "\n  ")
    }
}

/// One thing that is wrong with a configuration.
public struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    /// The key that has to change; `nil` for a file that cannot be read at all.
    public let key: String?
    /// What is wrong and, where it is not obvious, what to do.
    public let text: String
    /// Where the value is from.
    let source: ConfigurationSource?
    /// The value, unless no one may read it.
    let value: String?
    /// The reason as the cores send it.
    let wire: String

    init(
        _ text: String, key: String? = nil, source: ConfigurationSource? = nil, value: String? = nil,
        wire: String? = nil
    ) {
        self.text = text
        self.key = key
        self.source = source
        self.value = value
        self.wire = wire ?? text
    }

    /// Source, key, reason and value.
    public var description: String {
        let named = key.flatMap { isNamed($0) ? nil : "'\($0)': " } ?? ""
        let place = source.map { "\($0): " } ?? ""
        let seen = value.map { " It is \"\($0)\"." } ?? ""
        return place + named + text + (seen.isEmpty || text.hasSuffix(".") ? "" : ".") + seen
    }

    /// Whether the text has the key in it; some keys are words of every language.
    private func isNamed(_ key: String) -> Bool { text.contains(key.contains("_") ? key : "'\(key)'") }
}

/// Where a value is from.
enum ConfigurationSource: Sendable, Hashable, CustomStringConvertible {
    case file(String, line: Int)
    case variable(String)
    /// A file that a variable names.
    case fileOfVariable(String)
    case flag(String)
    /// The socket that the service manager has handed over.
    case socket
    /// What a driver sent for an app.
    case app

    var description: String {
        switch self {
        case .file(let path, let line): "\(path), line \(line)"
        case .variable(let name): "\(name) in the environment"
        case .fileOfVariable(let name): "the file that \(name) in the environment names"
        case .flag(let name): name
        case .socket: "the socket of the service manager (LISTEN_FDS)"
        case .app: "the app's configuration"
        }
    }
}
