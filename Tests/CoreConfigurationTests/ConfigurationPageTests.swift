import Foundation
import Testing

@testable import CoreConfiguration

/// `docs/configuration.md` names every key and no other.
struct ConfigurationPageTests {
    /// The cells of the rows that begin with a key.
    private func rows() throws -> [String: [String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], Array($0.dropFirst())) })
    }

    @Test("every key has a row with its environment variable and type, and every row is of a key")
    func keys() throws {
        let rows = try rows()
        #expect(Set(rows.keys) == Set(ConfigurationKey.allCases.map(\.rawValue)))
        for key in ConfigurationKey.allCases {
            let cells = rows[key.rawValue] ?? []
            #expect(cells.first == key.environmentName && cells.dropFirst().first == key.type.rawValue, "\(key)")
        }
    }

    @Test("keys without effect say so")
    func withoutEffect() throws {
        let rows = try rows()
        for key in ConfigurationKey.allCases {
            #expect(rows[key.rawValue]?.last?.hasPrefix("no effect") == key.isWithoutEffect, "\(key)")
        }
    }
}
