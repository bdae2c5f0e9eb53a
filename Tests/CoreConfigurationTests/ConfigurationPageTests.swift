import Foundation
import Testing

@testable import CoreConfiguration

@Suite("docs/configuration.md and the table of keys")
struct ConfigurationPageTests {
    private static let page: String = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return (try? String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)) ?? ""
    }()

    @Test("finding E8: the generated part of the page is what 'tessera config keys --markdown' prints")
    func generated() throws {
        let marks = ("<!-- made by 'tessera config keys --markdown' -->\n", "<!-- end of what is made -->")
        let start = try #require(Self.page.range(of: marks.0)).upperBound
        let end = try #require(Self.page.range(of: marks.1)).lowerBound
        #expect(String(Self.page[start..<end]) == ConfigurationText.markdown())
    }

    @Test("a key is in the table once, has a plain name and says what it does")
    func rows() {
        #expect(ConfigurationKey.byName.count == ConfigurationKey.all.count)
        for key in ConfigurationKey.all {
            #expect(key.name.allSatisfy { $0 == "_" || $0.isLowercase || $0.isNumber }, "\(key.name)")
            #expect(!key.effect.isEmpty && !key.effect.contains("\n") && !key.effect.contains("|"), "\(key.name)")
        }
    }

    @Test("the texts for --help and the console are of the table")
    func texts() {
        #expect(ConfigurationText.help("port") == "The port to listen on; 0 takes a free one. (default: 3567)")
        #expect(ConfigurationText.help("no_such_key").isEmpty)
        let text = ConfigurationText.keys()
        for key in ConfigurationKey.all { #expect(text.contains("\n  \(key.name)\n"), "\(key.name)") }
        #expect(text.contains("API_KEYS; text; default: none; apps may differ; secret; SIGHUP reloads it"))
    }

    @Test("keys without effect say so at the start, and nothing else")
    func withoutEffect() throws {
        for key in ConfigurationKey.all where key.traits.contains(.ignored) {
            let value = key.type == .boolean ? "true" : "1"
            let configuration = try OperatorConfiguration(file: ("\(key.name): \(value)", "/c.yaml"))
            #expect(configuration.warnings == ["/c.yaml, line 1: '\(key.name)' has no effect here."])
        }
    }
}
