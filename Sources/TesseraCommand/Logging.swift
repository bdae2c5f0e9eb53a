import CoreConfiguration
import Foundations
import OperatorLog
import SessionEngine

extension OperatorLogWriter {
    /// Opens the log that an operator wants.
    ///
    /// A file that cannot be written does not keep the core from starting: its lines go to the console.
    ///
    /// - Parameter warnings: receives what could not be done.
    init(_ settings: LogSettings, warnings: inout [String]) {
        var random = ClockAndRandomness.system.random
        self.init(
            info: Self.output(settings.infoPath, or: .standardOutput, &warnings),
            errors: Self.output(settings.errorPath, or: .standardError, &warnings),
            format: LogFormat(settings), process: RandomText.uuid(using: &random), version: Tessera.version,
            time: { ClockAndRandomness.system.time().milliseconds })
    }

    private static func output(_ path: String?, or console: LogOutput, _ warnings: inout [String]) -> LogOutput {
        guard let path = path.map(Paths.absolute) else { return console }
        let file = LogOutput(path: path)
        if file.isOpen { return file }
        warnings.append("\(path) cannot be written; its lines go to the console.")
        return console
    }
}

extension LogFormat {
    /// The format that a configuration asks for.
    fileprivate init(_ settings: LogSettings) {
        switch settings.format {
        case .json: self = .json
        case .supertokens: self = settings.isStructured ? .supertokensJSON : .supertokens
        }
    }
}
