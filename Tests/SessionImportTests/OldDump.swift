import Foundation
import SessionEngine
import TestSupport

/// How a dump writes rows.
enum DumpStyle: String, CaseIterable, Sendable {
    case copy, inserts, columnInserts, manyRowsPerInsert
}

/// A value of a row.
enum DumpValue: Sendable {
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case null

    /// As `COPY` writes it.
    var copyText: String {
        switch self {
        case .text(let text): CopyWriter.escape(text)
        case .integer(let number): "\(number)"
        case .boolean(let value): value ? "t" : "f"
        case .null: "\\N"
        }
    }

    /// As `INSERT` writes it; a text with backslashes in the escaping form.
    var literal: String {
        switch self {
        case .text(let text):
            let doubled = text.replacingOccurrences(of: "'", with: "''")
            return doubled.contains("\\")
                ? "E'\(doubled.replacingOccurrences(of: "\\", with: "\\\\"))'" : "'\(doubled)'"
        case .integer(let number): return "\(number)"
        case .boolean(let value): return value ? "true" : "false"
        case .null: return "NULL"
        }
    }
}

/// Escapes as PostgreSQL's COPY does.
enum CopyWriter {
    static func escape(_ text: String) -> String { String(decoding: escape(Array(text.utf8)), as: UTF8.self) }

    static func escape(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x08: Array("\\b".utf8)
            case 0x09: Array("\\t".utf8)
            case 0x0A: Array("\\n".utf8)
            case 0x0B: Array("\\v".utf8)
            case 0x0C: Array("\\f".utf8)
            case 0x0D: Array("\\r".utf8)
            case 0x5C: Array("\\\\".utf8)
            default: [byte]
            }
        }
    }
}

/// The rows of one table.
struct DumpTable {
    let name: String
    var columns: [String]
    var rows: [[DumpValue]]

    func text(_ style: DumpStyle, schema: String = "public") -> String {
        let list = columns.joined(separator: ", ")
        let tuples = rows.map { "(" + $0.map(\.literal).joined(separator: ", ") + ")" }
        switch style {
        case .copy:
            let lines = rows.map { $0.map(\.copyText).joined(separator: "\t") + "\n" }.joined()
            return "COPY \(schema).\(name) (\(list)) FROM stdin;\n\(lines)\\.\n\n\n"
        case .inserts: return tuples.map { "INSERT INTO \(schema).\(name) VALUES \($0);\n" }.joined() + "\n"
        case .columnInserts:
            return tuples.map { "INSERT INTO \(schema).\(name) (\(list)) VALUES \($0);\n" }.joined() + "\n"
        case .manyRowsPerInsert:
            if tuples.isEmpty { return "" }
            return "INSERT INTO \(schema).\(name) VALUES\n\t\(tuples.joined(separator: ",\n\t"));\n\n"
        }
    }
}

/// The schema of a generation as pg_dump wrote it, and data in the place where pg_dump puts it.
enum SchemaFile {
    static func text(_ generation: OldCore.Generation) throws -> String {
        guard
            let url = Bundle.module.url(
                forResource: "schema-\(generation.rawValue)", withExtension: "sql", subdirectory: "Schemas")
        else { throw TestSupportError("no schema") }
        return try String(contentsOf: url, encoding: .utf8)
    }

    static func filled(_ generation: OldCore.Generation, with data: String) throws -> String {
        let text = try text(generation)
        guard let constraint = text.range(of: "Type: CONSTRAINT"),
            let start = text.range(
                of: "--\n-- Name: ", options: .backwards, range: text.startIndex..<constraint.lowerBound)
        else { throw TestSupportError("the schema has no constraints") }
        return text[..<start.lowerBound] + data + text[start.lowerBound...]
    }
}

/// `tokens.json` of the engine's tests.
enum Vectors {
    private static let result = Result {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try TokenVectors(Data(contentsOf: tests.appending(path: "SessionEngineTests/Vectors/tokens.json")))
    }

    static func load() throws -> TokenVectors { try result.get() }
}
