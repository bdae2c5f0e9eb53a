import Testing

@testable import CoreConfiguration

@Suite("What a config.yaml says, read by LibYAML")
struct ConfigurationFileTests {
    /// A file, and its keys with their values.
    static let files: [(String, [String])] = [
        ("", []), ("# nothing\n", []), ("---\n...\n", []), ("~", []), ("null\n", []),
        ("port: 3567 # a warning\nhost: \"0.0.0.0\"\n", ["port=3567", "host=0.0.0.0"]),
        ("a: 'it''s'\nb: \"\\u00e9\\n\"\nc: caf\u{E9}", ["a=it's", "b=\u{E9}\n", "c=caf\u{E9}"]),
        ("a:\nb: ~\nc: Null\nd: \"\"\ne: 'null'\nf: nULL", ["d=", "e=null", "f=nULL"]),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", ["a=one\ntwo\n", "b=one two"]),
        ("{a: 1, 'b': 2}", ["a=1", "b=2"]), ("a: [1]\nb: {c: 1}\nd: []", ["a", "b", "d"]),
        ("a: &x 1\nb: *x\n", ["a=1", "b=1"]), ("1: x\ntrue: y\n", ["1=x", "true=y"]),
        ("a: 1\r\nb: 2\r\n", ["a=1", "b=2"]),
    ]

    @Test("keys and values in order; a key without a value is left out", arguments: files)
    func entries(text: String, expected: [String]) throws {
        let entries = try ConfigurationFile(text: text, path: "/c.yaml").entries
        let seen = entries.map { entry in
            if case .text(let text) = entry.value { "\(entry.name)=\(text)" } else { entry.name }
        }
        #expect(seen == expected)
    }

    @Test(
        "what is no list of keys and values is refused with the line",
        arguments: [
            ("a: 1\n b: 2", "/c.yaml is not valid YAML: line 2: mapping values are not allowed in this context"),
            ("a: [\n", "/c.yaml is not valid YAML: line 2: "), ("a: \"x", "/c.yaml is not valid YAML: line 1: "),
            ("a: *x", "/c.yaml is not valid YAML: line 1: found undefined alias"),
            ("a: \u{1}", "/c.yaml is not valid YAML: "),
            ("a: 1\n---\nb: 2", "/c.yaml is not valid YAML: there is more than one document"),
            ("text", "/c.yaml has to be a list of 'key: value'."), ("- a", "/c.yaml has to be a list of 'key: value'."),
            ("? [a]\n: 1", "/c.yaml, line 1: the key is no text."),
            (String(repeating: "[", count: 5_000), "/c.yaml is not valid YAML: "),
        ])
    func refusals(text: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationFile(text: text, path: "/c.yaml") }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
