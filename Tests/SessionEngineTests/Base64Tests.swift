import Foundations
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Strict base64 (RFC 4648, T06)")
struct Base64Tests {
    /// The test vectors of RFC 4648 section 10, padded and not.
    static let vectors = [
        ("", "", ""), ("f", "Zg==", "Zg"), ("fo", "Zm8=", "Zm8"), ("foo", "Zm9v", "Zm9v"),
        ("foob", "Zm9vYg==", "Zm9vYg"), ("fooba", "Zm9vYmE=", "Zm9vYmE"), ("foobar", "Zm9vYmFy", "Zm9vYmFy"),
    ]

    @Test("The vectors of the RFC hold in both directions", arguments: vectors)
    func rfc(_ plain: String, _ standard: String, _ url: String) {
        #expect(Base64.standard.encodedText(Array(plain.utf8)) == standard)
        #expect(Base64.url.encodedText(Array(plain.utf8)) == url)
        #expect(Base64.standard.decode(standard.utf8) == Array(plain.utf8))
        #expect(Base64.url.decode(url.utf8) == Array(plain.utf8))
    }

    @Test(
        "Padded base64 takes nothing else",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Zg====", "=", "==", "===", "====", "=Zg=", "Z=g=", "Zm8", "Zm8==", "Zm9v=",
            "Zm9v====", "Zh==", "Zm9=", "Z===", " Zg==", "Zg== ", "Zg==\n", "Zm\n9v", "Zm 9v", "Zm-v", "Zm_v",
            "Zg==Zg==",
            "Zm9vYg", "Zm9.", "Zm9\u{0}", "Zm9é", "====Zm9v", "Zg%3D%3D",
        ])
    func standardRefuses(_ text: String) {
        #expect(Base64.standard.decode(text.utf8) == nil)
    }

    @Test(
        "Base64url takes nothing else",
        arguments: [
            "Z", "Zg=", "Zg==", "Zm8=", "Zm9v=", "=", "Zh", "Zm9", "Zm9vZ", "Zm+v", "Zm/v", "Zm 9v", "Zm9v ", " Zm9v",
            "Zm9v\n", "Zm\r\n9v", "Zm9.", "Zm9\u{0}", "Zm9é", "%5A", "Zg=A",
        ])
    func urlRefuses(_ text: String) {
        #expect(Base64.url.decode(text.utf8) == nil)
    }

    @Test("Of all texts of two digits exactly one stands for each byte")
    func oneTextForEachByte() {
        var texts: [UInt8: Int] = [:]
        for first in UInt8.min ... .max {
            for second in UInt8.min ... .max {
                if let bytes = Base64.url.decode([first, second]) { texts[bytes.first ?? 0, default: 0] += 1 }
            }
        }
        #expect(texts.count == 256)
        #expect(texts.values.allSatisfy { $0 == 1 })
    }

    @Test("Whatever decodes encodes to the same text", arguments: 0..<50)
    func canonical(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let digits = Array("ABab01+/-_=.".utf8)
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0...9, using: &random)).compactMap { _ in
                digits.randomElement(using: &random)
            }
            for base64 in [Base64.standard, .url] {
                guard let bytes = base64.decode(text) else { continue }
                #expect(base64.encode(bytes) == text, "seed \(seed)")
            }
        }
    }

    @Test("Random bytes come back, and Foundation writes the same", arguments: 0..<50)
    func roundTrip(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let bytes = random.bytes(Int.random(in: 0...300, using: &random))
        #expect(Base64.standard.encodedText(bytes) == WireText.base64(bytes), "seed \(seed)")
        #expect(Base64.url.encodedText(bytes) == WireText.base64URL(bytes), "seed \(seed)")
        #expect(Base64.standard.decode(Base64.standard.encode(bytes)) == bytes, "seed \(seed)")
        #expect(Base64.url.decode(Base64.url.encode(bytes)) == bytes, "seed \(seed)")
    }

    @Test("The first foreign character is named", arguments: [("a_b", UInt8(0x5F)), ("ab=", nil), ("a b_", 0x20)])
    func foreign(_ text: String, _ character: UInt8?) {
        #expect(Base64.standard.firstForeignCharacter(in: text.utf8) == character)
    }
}
