public import Logging
import LosslessJSON

/// One event as an operator reads it (docs/specification/core.md 8.4).
public struct LogLine: Sendable {
    /// When it happened, in milliseconds since 1970.
    public var milliseconds: Int64
    /// How bad it is.
    public var level: Logger.Level
    /// What names this run of the program.
    public var process: String
    /// The release.
    public var version: String
    /// What the logger is called.
    public var label: String
    /// The file and line that logged it.
    public var caller: String
    /// What happened.
    public var message: String
    /// Details, in the order of their names.
    public var details: [(name: String, value: String)]

    /// The line with the empty line that ends it.
    var text: String {
        let parts = [
            LogTime(milliseconds: milliseconds).text, levelName, "pid: \(process)", "v\(version)", "[\(label)] thread",
            caller, Self.printable(message + details.map { " \($0.name)=\($0.value)" }.joined()),
        ]
        return parts.joined(separator: " | ") + "\n\n"
    }

    /// The line as a JSON object.
    var json: String {
        var object: JSONObject = [
            "message": .string(message), "timestamp": .string(LogTime(milliseconds: milliseconds).text),
            "level": .string(levelName), "pid": .string(process), "coreVersion": .string(version),
            "threadName": .string(label), "callerData": .string(caller),
        ]
        if !details.isEmpty {
            object.append(
                "details", .object(JSONObject(details.map { .init(name: $0.name, value: .string($0.value)) })))
        }
        var bytes: [UInt8] = []
        object.write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self) + "\n"
    }

    private var levelName: String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARN"
        case .error, .critical: "ERROR"
        }
    }

    /// A text in which no one can hide a second line.
    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.map { isControl($0) ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format: true
        default: false
        }
    }
}
