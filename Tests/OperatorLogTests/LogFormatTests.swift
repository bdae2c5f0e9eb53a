import Foundation
import Logging
import LosslessJSON
import Testing

@testable import OperatorLog

/// The formats (finding O5, docs/decisions/0026).
@Suite("finding O5: lines for machines")
struct LogFormatTests {
    private func line(
        _ message: String = "m", level: Logger.Level = .info, details: [(name: String, value: JSONValue)] = [],
        at milliseconds: Int64 = 1_795_455_074_726
    ) -> LogLine {
        LogLine(
            milliseconds: milliseconds, level: level, process: "p", version: "1.2.3", label: "tessera",
            caller: (file: "A.swift", line: 7), message: message, details: details)
    }

    @Test("the names are those of OpenTelemetry's log data model, in this order")
    func openTelemetry() {
        #expect(
            line("it is", details: [("app", .string("public")), ("status", .integer(200))]).text(as: .json)
                == """
                {"Timestamp":"2026-11-23T17:31:14.726Z","SeverityText":"INFO","SeverityNumber":9,"Body":"it is",\
                "Attributes":{"app":"public","status":200,"code.file.path":"A.swift","code.line.number":7},\
                "Resource":{"service.name":"tessera","service.version":"1.2.3","service.instance.id":"p"},\
                "InstrumentationScope":{"Name":"tessera"}}\n
                """)
    }

    @Test(
        "severities",
        arguments: [
            (Logger.Level.trace, "TRACE", 1), (.debug, "DEBUG", 5), (.info, "INFO", 9), (.notice, "INFO", 10),
            (.warning, "WARN", 13), (.error, "ERROR", 17), (.critical, "FATAL", 21),
        ])
    func severities(level: Logger.Level, text: String, number: Int64) throws {
        let object = try #require(
            try JSONValue(parsing: Array(line(level: level).text(as: .json).utf8.dropLast())).object)
        #expect(object["SeverityText"]?.string == text && object["SeverityNumber"]?.number?.int64 == number)
    }

    @Test(
        "times of RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_005, "2000-02-29T00:00:00.005Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ])
    func times(milliseconds: Int64, expected: String) {
        #expect(LogTime(milliseconds: milliseconds).rfc3339 == expected)
    }

    @Test(
        "one line in any format, for any reader, and machines get back what was said",
        arguments: [
            "\n", "\r\n", "\u{b}", "\u{1c}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{e0001}", "\"\u{200d}",
        ])
    func oneLine(text: String) throws {
        let said = "a\(text)b"
        for format in [LogFormat.supertokens, .supertokensJSON, .json] {
            let line = line(said, details: [("k", .string(said))]).text(as: format)
            let controls = line.unicodeScalars.filter {
                [.control, .lineSeparator, .paragraphSeparator, .format].contains($0.properties.generalCategory)
            }
            #expect(controls.allSatisfy { $0 == "\n" })
            #expect(line.split(separator: "\n").count == 1)
            guard format != .supertokens else { continue }
            let object = try #require(try JSONValue(parsing: Array(line.utf8.dropLast())).object)
            #expect((object["Body"] ?? object["message"])?.string == said)
            #expect((object["Attributes"] ?? object["details"])?.object?["k"]?.string == said)
        }
    }

    @Test("whole numbers stay numbers, all else is text, and an error is a detail")
    func values() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let output = LogOutput(path: path)
        let log = OperatorLogWriter(
            info: output, errors: output, format: .json, process: "p", version: "1", time: { 0 })
        Logger(label: "test", factory: log.handler).warning(
            "w", metadata: ["n": .stringConvertible(7), "s": "7", "d": .stringConvertible(1.5), "l": ["a", "b"]])
        log.flush(within: .seconds(60))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let attributes = try #require(
            try JSONValue(parsing: Array(text.utf8.dropLast())).object?["Attributes"]?.object)
        #expect(attributes["n"]?.number?.int64 == 7 && attributes["s"]?.string == "7")
        #expect(attributes["d"]?.string == "1.5" && attributes["l"]?.string == "[\"a\", \"b\"]")
    }
}
