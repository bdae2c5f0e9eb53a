import ArgumentParser
import PlatformLibC

/// What an operator types to show that he means it.
struct Confirmation: ParsableArguments {
    @Option(help: "What would have to be typed, for scripts.")
    var confirm: String?

    /// Asks for a text to be typed, unless it was given on the command line.
    ///
    /// - Parameters:
    ///   - question: what will be done.
    ///   - expected: what has to be typed.
    /// - Throws: `Failure` when it is something else: nothing is done then.
    func ask(_ question: String, for expected: String) throws {
        guard confirm != expected else { return }
        guard confirm == nil else { throw Failure("--confirm has to be '\(expected)'; nothing was done") }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure("\(question) Repeat the command with --confirm '\(expected)'; nothing was done")
        }
        print("\(question)\nType \(expected) to confirm: ", terminator: "")
        guard readLine() == expected else { throw Failure("nothing was done") }
    }
}
