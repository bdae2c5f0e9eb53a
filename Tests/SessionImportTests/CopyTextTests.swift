import TestSupport
import Testing

@testable import SessionImport

@Suite("COPY's text format")
struct CopyTextTests {
    @Test(
        "Escapes",
        arguments: [
            (#"\N"#, nil), ("", ""), (#"a\\b"#, #"a\b"#), (#"\t\n\r\b\f\v"#, "\t\n\r\u{8}\u{c}\u{b}"),
            (#"\101\x42\x4"#, "AB\u{4}"), (#"\8\q\x"#, "8qx"), (#"\\N"#, #"\N"#), (#"\0601"#, "01"), (#"a\"#, #"a\"#),
        ] as [(String, String?)])
    func escapes(_ field: String, _ value: String?) {
        #expect(CopyLine.value(of: Array(field.utf8)[...]) == value.map { Array($0.utf8) })
    }

    @Test("Random bytes come back", arguments: [1, 2, 3] as [UInt64])
    func bytes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<400 {
            let values = (0..<Int.random(in: 1...5, using: &random)).map { _ -> [UInt8]? in
                random.chance(percent: 10) ? nil : random.bytes(Int.random(in: 0...40, using: &random))
            }
            let line = values.map { $0.map(CopyWriter.escape) ?? Array("\\N".utf8) }.joined(separator: [9])
            let fields = CopyLine.fields(of: Array(line), isWanted: values.map { _ in true })
            #expect(fields == values, "seed \(seed), round \(round)")
        }
    }

    @Test("Random texts come back through a whole dump, in pieces of any size", arguments: DumpStyle.allCases)
    func texts(_ style: DumpStyle) throws {
        for seed in 1...12 as ClosedRange<UInt64> {
            var random = SplitMix64(seed: seed)
            let alphabet = Array("ab\\'\"\t\n\r;$().,-N01é漢🙂")
            let texts = (0..<6).map { _ in
                String(
                    (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                        alphabet.randomElement(using: &random)
                    })
            }
            let table = DumpTable(
                name: "key_value", columns: ["name", "value", "created_at_time"],
                rows: texts.map { [.text($0), .null, .integer(-5)] })
            let dump =
                "CREATE TABLE public.key_value (name text, value text, created_at_time bigint);\n"
                + table.text(style) + "-- PostgreSQL database dump complete\n"
            let chunkSize = Int.random(in: 1...30, using: &random)
            var reader = DumpReader(
                try ImportWorld.source(dump, chunkSize: chunkSize).open(), selection: TableSelection())
            var read: [String] = []
            while let row = try reader.nextRow() {
                read.append(try row.neededText("name"))
                #expect(try row.text("value") == nil)
                #expect(try row.integer("created_at_time") == -5)
            }
            #expect(read == texts, "seed \(seed), pieces of \(chunkSize)")
        }
    }
}
