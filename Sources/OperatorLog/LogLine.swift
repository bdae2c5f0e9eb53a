public import Logging
public import LosslessJSON

/// One event as an operator reads it (docs/specification/core.md 8.4, docs/decisions/0026).
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
    /// The file that logged it, and the line in it.
    public var caller: (file: String, line: UInt)
    /// What happened.
    public var message: String
    /// Details, in the order of their names: texts and numbers.
    public var details: [(name: String, value: JSONValue)]

    /// The line with what ends it.
    func text(as format: LogFormat) -> String {
        switch format {
        case .supertokens: plain
        case .supertokensJSON: Self.printed(superTokensObject)
        case .json: Self.printed(openTelemetryObject)
        }
    }

    /// With the empty line that SuperTokens' core leaves after each.
    private var plain: String {
        let words = message + details.map { " \($0.name)=\(Self.text(of: $0.value))" }.joined()
        let parts = [
            LogTime(milliseconds: milliseconds).text, levelName, "pid: \(process)", "v\(version)", "[\(label)] thread",
            "\(caller.file):\(caller.line)", Self.escaped(words),
        ]
        return parts.joined(separator: " | ") + "\n\n"
    }

    private var superTokensObject: JSONObject {
        var object: JSONObject = [
            "message": .string(message), "timestamp": .string(LogTime(milliseconds: milliseconds).text),
            "level": .string(levelName), "pid": .string(process), "coreVersion": .string(version),
            "threadName": .string(label), "callerData": .string("\(caller.file):\(caller.line)"),
        ]
        if !details.isEmpty { object.append("details", .object(detailsObject)) }
        return object
    }

    /// The fields of the log data model; attributes keep the names that text lines have for details.
    private var openTelemetryObject: JSONObject {
        var attributes = detailsObject
        attributes.append("code.file.path", .string(caller.file))
        attributes.append("code.line.number", .integer(Int64(clamping: caller.line)))
        var object: JSONObject = [
            "Timestamp": .string(LogTime(milliseconds: milliseconds).rfc3339), "SeverityText": .string(severity.text),
            "SeverityNumber": .integer(severity.number), "Body": .string(message), "Attributes": .object(attributes),
            "Resource": [
                "service.name": "tessera", "service.version": .string(version), "service.instance.id": .string(process),
            ],
            "InstrumentationScope": ["Name": .string(label)],
        ]
        // The model has fields for these, beside the details that all formats have.
        for (detail, field) in [("trace_id", "TraceId"), ("span_id", "SpanId")] {
            if let id = details.first(where: { $0.name == detail }) { object.append(field, id.value) }
        }
        return object
    }

    private var detailsObject: JSONObject {
        JSONObject(details.map { .init(name: $0.name, value: $0.value) })
    }

    private var levelName: String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARN"
        case .error, .critical: "ERROR"
        }
    }

    /// The severity of the log data model.
    private var severity: (text: String, number: Int64) {
        switch level {
        case .trace: ("TRACE", 1)
        case .debug: ("DEBUG", 5)
        case .info: ("INFO", 9)
        case .notice: ("INFO", 10)
        case .warning: ("WARN", 13)
        case .error: ("ERROR", 17)
        case .critical: ("FATAL", 21)
        }
    }
}

// MARK: - No one hides a second line in a line

extension LogLine {
    private static func text(of value: JSONValue) -> String {
        if let text = value.string { return text }
        var bytes: [UInt8] = []
        value.write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An object in one line, whatever its reader takes for the end of a line: what JSON leaves as it is and some readers
    /// break lines at stands only in strings, where it may be escaped.
    private static func printed(_ object: JSONObject) -> String {
        var bytes: [UInt8] = []
        object.write(into: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        return replacingControls(in: text) { scalar in
            String(scalar).utf16.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        } + "\n"
    }

    private static func escaped(_ text: String) -> String {
        replacingControls(in: text) { "\\u{\(String($0.value, radix: 16))}" }
    }

    private static func replacingControls(
        in text: String, by replacement: (Unicode.Scalar) -> String
    ) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.map { isControl($0) ? replacement($0) : String($0) }.joined()
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format: true
        default: false
        }
    }
}
