import TestSupport
import Testing

@testable import SessionEngine

@Suite("Names of keys")
struct KeyIDTests {
    @Test("Letters, digits and dashes make a name", arguments: ["d-1600000000000", "s-1", "A", "-", "0a-Z9"])
    func accepts(_ text: String) {
        #expect(KeyID(text)?.rawValue == text)
    }

    @Test(
        "Nothing else does (T05)", arguments: ["", " ", "a b", "a/b", "../a", "a.b", "a_b", "é", "a\n", "\u{0}", "１"])
    func refuses(_ text: String) {
        #expect(KeyID(text) == nil)
    }

    @Test("128 characters are the most")
    func length() {
        #expect(KeyID(String(repeating: "k", count: 128)) != nil)
        #expect(KeyID(String(repeating: "k", count: 129)) == nil)
    }

    @Test("A dynamic key is named after its time, moved on while that is taken")
    func dynamicNames() throws {
        var random = SplitMix64(seed: 1)
        var keys: [SigningKey] = []
        let now = Timestamp(milliseconds: 1_600_000_000_000)
        for step in 0..<5 {
            let (id, time) = try #require(KeyRing(keys).makeID(.dynamic, at: now, using: &random))
            #expect(id.rawValue == "d-\(1_600_000_000_000 + step)")
            #expect(time == now + Milliseconds(Int64(step)))
            keys.append(try TestKeys.signingKey(.es256, id: id.rawValue, createdAt: time.milliseconds))
        }
    }

    @Test("Static names are random and differ")
    func staticNames() throws {
        var random = SplitMix64(seed: 1)
        let names = try (0..<100).map { _ in
            try #require(KeyRing().makeID(.static, at: Sample.now, using: &random)).id.rawValue
        }
        #expect(Set(names).count == 100)
        #expect(names.allSatisfy { $0.hasPrefix("s-") && $0.utf8.count == 38 })
    }

    @Test("Neither a key nor its record prints its secret")
    func redaction() throws {
        let key = try TestKeys.signingKey(.es256)
        var dumped = ""
        dump(key, to: &dumped)
        let secret = WireText.base64(key.privateKey.pkcs8DER)
        for text in ["\(key)", String(reflecting: key), dumped] {
            #expect(!text.contains(secret.prefix(16)) && !text.contains("P256"), "\(text)")
        }
        #expect("\(key)" == "SigningKey(d-1600000000000)")
    }
}
