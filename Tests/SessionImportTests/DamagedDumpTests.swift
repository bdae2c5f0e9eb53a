import Foundation
import LosslessJSON
import SessionImport
import SessionStorage
import TestSupport
import Testing

@Suite("Damaged dumps")
struct DamagedDumpTests {
    private static func dump(_ generation: OldCore.Generation, _ style: DumpStyle) throws -> [UInt8] {
        var core = try OldCore(generation)
        try core.signIn("first")
        try core.signIn("second", payload: ["text": "a 'quoted' \\ word; \n and\ttabs"])
        return Array(try core.dump(style).utf8)
    }

    private static func survey(_ bytes: [UInt8], now: OldCore.Generation = .core252) throws -> ImportPlan {
        try DumpAnalysis(of: DumpBytes(bytes), now: TestClock().now).plan()
    }

    /// Where the trailer's own text ends: a dump that is cut after it has everything.
    private static func end(of bytes: [UInt8]) throws -> Int {
        let text = String(decoding: bytes, as: UTF8.self)
        let trailer = try #require(text.range(of: "-- PostgreSQL database dump complete"))
        return text[..<trailer.upperBound].utf8.count
    }

    @Test("A dump that is cut anywhere is refused", arguments: DumpStyle.allCases)
    func cut(_ style: DumpStyle) throws {
        let bytes = try Self.dump(.core252, style)
        let end = try Self.end(of: bytes)
        for length in stride(from: 0, to: end, by: 17).map(\.self) + Array(end - 40..<end) {
            #expect(throws: ImportError.self, "cut to \(length) bytes") {
                try DumpAnalysis(of: DumpBytes(Array(bytes[..<length])), now: TestClock().now).plan()
            }
        }
        #expect(try Self.survey(Array(bytes[..<end])).sessions == 2)
    }

    @Test("A cut dump of the large schema is refused too")
    func cutLarge() throws {
        let bytes = try Self.dump(.core1113, .copy)
        let end = try Self.end(of: bytes)
        for length in stride(from: 0, to: end, by: 1_511) {
            #expect(throws: ImportError.self, "cut to \(length) bytes") { try Self.survey(Array(bytes[..<length])) }
        }
        #expect(try Self.survey(bytes).sessions == 2)
    }

    @Test(
        "Random damage never traps, and never makes another key or handle valid", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let style = DumpStyle.allCases[Int(seed) % DumpStyle.allCases.count]
        let bytes = try Self.dump(.core252, style)
        let whole = try Self.survey(bytes)
        for round in 0..<150 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<mutated.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: mutated[place] = UInt8.random(in: .min ... .max, using: &random)
                case 1: mutated.remove(at: place)
                case 2: mutated.insert(contentsOf: Array("\\'\";\n$".utf8).shuffled(using: &random), at: place)
                default: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            guard let plan = try? Self.survey(mutated) else { continue }
            #expect(plan.sessions <= whole.sessions + 1, "seed \(seed), round \(round)")
            let keys = plan.apps.flatMap(\.signingKeys).map(\.privateKeyDER)
            let known = whole.apps.flatMap(\.signingKeys).map(\.privateKeyDER)
            #expect(keys.allSatisfy(known.contains), "seed \(seed), round \(round): a damaged key was accepted")
        }
    }

    @Test(
        "What is no plain dump is named",
        arguments: [
            ("PGDMP\u{1}\u{e}binary", "pg_restore"), ("", "empty"), ("-- MySQL dump 10.13", "MySQL"),
            ("SQLite format 3\u{0}", "SQLite"), ("PK\u{3}\u{4}abcdefgh", "zip"),
        ])
    func formats(_ start: String, _ word: String) {
        for chunkSize in [1, 5, 1 << 16] {
            #expect {
                try DumpAnalysis(of: DumpBytes(Array(start.utf8), chunkSize: chunkSize), now: TestClock().now).plan()
            } throws: { error in
                (error as? ImportError).map { $0.kind == .notADump && $0.text.contains(word) } ?? false
            }
        }
    }

    @Test("A row with too few or too many columns is named by its line")
    func columns() throws {
        let dump = String(decoding: try Self.dump(.core252, .copy), as: UTF8.self)
        let rows = try #require(dump.range(of: "jwt_user_payload) FROM stdin;\n"))
        let line = dump[..<rows.upperBound].split(separator: "\n", omittingEmptySubsequences: false).count
        for damage in ["x\n", "x\ty\tz\ta\t1\t2\tb\tc\n"] {
            var damaged = dump
            damaged.insert(contentsOf: damage, at: rows.upperBound)
            #expect { try ImportWorld.plan(damaged) } throws: { error in
                (error as? ImportError).map { $0.kind == .damaged && $0.line == line } ?? false
            }
        }
    }
}
