import PublicSuffixList
import Testing

@Suite("The public suffix list")
struct PublicSuffixesTests {
    private static let end = "// ===END PRIVATE DOMAINS==="

    private static func list(_ rules: String) throws -> PublicSuffixes {
        try PublicSuffixes(parsing: (rules + "\n" + end + "\n").utf8)
    }

    @Test("the list of this program is whole, and has the suffixes of registries and of companies")
    func embedded() throws {
        let suffixes = try PublicSuffixes.embedded()
        for (host, expected) in [
            ("a.b.example.com", "example.com"), ("a.b.example.co.uk", "example.co.uk"), ("a.github.io", "a.github.io"),
            ("city.kawasaki.jp", "city.kawasaki.jp"), ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),
            ("www.ck", "www.ck"), ("a.b.ck", "a.b.ck"), ("a.unlisted", "a.unlisted"), ("com", nil), ("co.uk", nil),
            ("host", nil), ("", nil), ("b.ck", nil),
        ] { #expect(suffixes.registrableDomain(of: host) == expected, "\(host)") }
    }

    @Test("international names are read as hosts carry them (RFC 3492)")
    func international() throws {
        // The examples are those of publicsuffix.org's own tests.
        let suffixes = try PublicSuffixes.embedded()
        for (host, expected) in [
            ("www.xn--85x722f.com.cn", "xn--85x722f.com.cn"),
            ("xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
            ("a.shishi.xn--55qx5d.cn", "shishi.xn--55qx5d.cn"), ("xn--55qx5d.cn", nil), ("xn--fiqs8s", nil),
            ("a.xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"), ("a.xn--p1ai", "a.xn--p1ai"),
        ] { #expect(suffixes.registrableDomain(of: host) == expected, "\(host)") }
        let own = try Self.list("*.bücher.example\n!münchen.bücher.example\n他们为什么不说中文")
        #expect(own.registrableDomain(of: "a.b.xn--bcher-kva.example") == "a.b.xn--bcher-kva.example")
        #expect(
            own.registrableDomain(of: "xn--mnchen-3ya.xn--bcher-kva.example") == "xn--mnchen-3ya.xn--bcher-kva.example")
        #expect(own.registrableDomain(of: "xn--ihqwcrb4cv8a8dqg056pqjye") == nil)
        #expect(own.registrableDomain(of: "b.xn--ihqwcrb4cv8a8dqg056pqjye") == "b.xn--ihqwcrb4cv8a8dqg056pqjye")
    }

    @Test("a rule ends at the first space, and comments and empty lines are none")
    func format() throws {
        let suffixes = try Self.list("// com.test\r\n\n   \nnet.test \t and more\r\n")
        #expect(suffixes.registrableDomain(of: "a.com.test") == "com.test")
        #expect(suffixes.registrableDomain(of: "a.net.test") == "a.net.test")
    }

    @Test("what is no whole list is refused", arguments: ["", "com\nco.uk\n", "com\n// ===END PRIVATE DOM", end])
    func damaged(list: String) {
        #expect(throws: PublicSuffixListError.self) {
            try PublicSuffixes(parsing: list.utf8)
        }
    }

    @Test("bytes that are no text, and names that no host can have, are refused")
    func unreadable() {
        #expect(throws: PublicSuffixListError.self) { try PublicSuffixes(parsing: [0xC3, 0x28]) }
        #expect(throws: PublicSuffixListError.self) { try Self.list(String(repeating: "ü", count: 70)) }
    }
}
