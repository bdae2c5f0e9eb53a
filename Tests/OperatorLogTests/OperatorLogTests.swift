import Foundation
import Logging
import LosslessJSON
import Testing

@testable import OperatorLog

/// The lines, and where they go (docs/specification/core.md 8.4).
struct OperatorLogTests {
    private func line(_ message: String = "API called: /hello. Method: GET", details: [(String, String)] = [])
        -> LogLine
    {
        LogLine(
            milliseconds: 1_795_455_074_726, level: .info, process: "p", version: "1.2.3", label: "tessera",
            caller: (file: "A.swift", line: 7), message: message,
            details: details.map { (name: $0, value: .string($1)) })
    }

    @Test("a line looks as operators know it")
    func text() {
        #expect(
            line().text(as: .supertokens)
                == "23 Nov 2026 17:31:14:726 +0000 | INFO | pid: p | v1.2.3 | [tessera] thread | A.swift:7 | "
                + "API called: /hello. Method: GET\n\n")
        #expect(line("m", details: [("a", "1"), ("b", "2")]).text(as: .supertokens).hasSuffix("| m a=1 b=2\n\n"))
    }

    @Test("a trace has its fields in OpenTelemetry's format, and is a detail in all")
    func trace() {
        let line = line("m", details: [("span_id", "b7"), ("trace_id", "a4")])
        #expect(line.text(as: .supertokens).hasSuffix("| m span_id=b7 trace_id=a4\n\n"))
        let json = line.text(as: .json)
        #expect(json.contains(#""TraceId":"a4""#) && json.contains(#""SpanId":"b7""#))
        #expect(json.contains(#""Attributes":{"span_id":"b7","trace_id":"a4""#))
        #expect(!self.line().text(as: .json).contains("TraceId"))
    }

    @Test("nobody can hide a second line in a line", arguments: ["\n", "\r", "\u{1b}", "\u{2028}", "\u{202e}", "\0"])
    func oneLine(character: String) {
        let text = line("a\(character)b").text(as: .supertokens)
        #expect(!text.dropLast(2).contains(character) && text.hasSuffix("b\n\n"))
    }

    @Test("a structured line is a JSON object in one line")
    func json() throws {
        let text = line("a\n\"b", details: [("x", "y")]).text(as: .supertokensJSON)
        #expect(text.hasSuffix("}\n") && text.filter { $0 == "\n" }.count == 1)
        let object = try #require(try JSONValue(parsing: Array(text.utf8.dropLast())).object)
        #expect(object["message"]?.string == "a\n\"b" && object["level"]?.string == "INFO")
        #expect(object["details"]?.object?["x"]?.string == "y")
    }

    @Test(
        "times",
        arguments: [
            (0, "01 Jan 1970 00:00:00:000 +0000"), (-1, "31 Dec 1969 23:59:59:999 +0000"),
            (951_782_400_000, "29 Feb 2000 00:00:00:000 +0000"), (4_107_542_399_999, "28 Feb 2100 23:59:59:999 +0000"),
            (4_107_542_400_000, "01 Mar 2100 00:00:00:000 +0000"),
            (1_709_164_800_000, "29 Feb 2024 00:00:00:000 +0000"),
        ])
    func times(milliseconds: Int64, expected: String) {
        #expect(LogTime(milliseconds: milliseconds).text == expected)
    }

    @Test("errors go to one file and the rest to the other, both private, and a rotated file is left")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (info, errors) = (folder.appending(path: "i.log").path, folder.appending(path: "e.log").path)
        let log = OperatorLogWriter(
            info: LogOutput(path: info), errors: LogOutput(path: errors), process: "p", version: "1", time: { 0 })
        var logger = Logger(label: "test", factory: log.handler)
        logger.logLevel = .debug
        for level in [Logger.Level.trace, .debug, .info, .warning, .error, .critical] {
            logger.log(level: level, "it is \(level)", metadata: ["k": "v"])
        }
        log.flush()
        let lines = try String(contentsOfFile: info, encoding: .utf8).split(separator: "\n")
        #expect(lines.map { $0.split(separator: " | ")[1] } == ["DEBUG", "INFO", "WARN"])
        #expect(lines.allSatisfy { $0.hasSuffix(" k=v") && $0.contains("OperatorLogTests.swift:") })
        #expect(try String(contentsOfFile: errors, encoding: .utf8).contains("| ERROR | pid: p | v1 | [test] thread |"))
        let mode = try FileManager.default.attributesOfItem(atPath: info)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.moveItem(atPath: info, toPath: info + ".1")
        logger.info("before")
        log.reopen()
        logger.info("after")
        log.flush()
        #expect(try String(contentsOfFile: info + ".1", encoding: .utf8).contains("before"))
        #expect(try String(contentsOfFile: info, encoding: .utf8).contains("after"))
    }

    @Test("a file that cannot be written loses lines and nothing else", arguments: ["/nowhere/x.log", "/dev/full"])
    func unwritable(path: String) {
        let output = LogOutput(path: path)
        let log = OperatorLogWriter(info: output, errors: output, process: "p", version: "1", time: { 0 })
        Logger(label: "test", factory: log.handler).error("lost")
        log.reopen()
        log.flush()
        #expect(output.isOpen == (path == "/dev/full"))
    }

    @Test("the level of the log counts at once for every logger, and a logger may say less (finding O6)")
    func level() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let output = LogOutput(path: path)
        let log = OperatorLogWriter(info: output, errors: output, process: "p", version: "1", time: { 0 })
        var (all, quiet) = (Logger(label: "all", factory: log.handler), Logger(label: "quiet", factory: log.handler))
        (all.logLevel, quiet.logLevel) = (.trace, .warning)
        let rows: [(Logger.Level?, Logger.Level, [String])] = [
            (.info, .info, ["all info", "all error", "quiet error"]),
            (.debug, .debug, ["all debug", "all info", "all error", "quiet error"]),
            (.error, .error, ["all error", "quiet error"]), (nil, .critical, []),
        ]
        for (level, seen, lines) in rows {
            log.level = level
            #expect(all.logLevel == seen)
            log.flush()
            let before = try String(contentsOfFile: path, encoding: .utf8).count
            for logger in [all, quiet] {
                for level in [Logger.Level.debug, .info, .error] {
                    logger.log(level: level, "\(logger.label) \(level)")
                }
            }
            if level == nil { all.critical("lost") }
            log.flush()
            let text = try String(contentsOfFile: path, encoding: .utf8).dropFirst(before)
            let written = text.split(separator: "\n").compactMap { $0.split(separator: " | ").last.map(String.init) }
            #expect(written == lines, "\(String(describing: level))")
        }
    }
}
